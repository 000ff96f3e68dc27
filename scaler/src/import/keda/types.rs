//! How the types of triggers call their thresholds.

/// The type, its thresholds (the first that is written counts), the threshold that it has of itself, and its activation
/// threshold. After KEDA's reference of 2.20, with older names beside.
const TYPES: &str = "
activemq                targetQueueSize                       10  activationTargetQueueSize
apache-kafka            lagThreshold                          10  activationLagThreshold
arangodb                threshold                             -   activationThreshold
artemis-queue           queueLength                           10  activationQueueLength
aws-cloudwatch          targetMetricValue                     -   activationTargetMetricValue
aws-dynamodb            targetValue                           -   activationTargetValue
aws-dynamodb-streams    shardCount                            2   activationShardCount
aws-kinesis-stream      shardCount                            2   activationShardCount
aws-sqs-queue           queueLength                           5   activationQueueLength
azure-app-insights      targetValue                           -   activationTargetValue
azure-blob              blobCount                             5   activationBlobCount
azure-data-explorer     threshold                             -   activationThreshold
azure-eventhub          unprocessedEventThreshold             64  activationUnprocessedEventThreshold
azure-log-analytics     threshold                             -   activationThreshold
azure-monitor           targetValue                           -   activationTargetValue
azure-pipelines         targetPipelinesQueueLength            1   activationTargetPipelinesQueueLength
azure-queue             queueLength                           5   activationQueueLength
azure-servicebus        messageCount                          5   activationMessageCount
beanstalkd              value                                 -   activationValue
cassandra               targetQueryValue                      -   activationTargetQueryValue
couchdb                 queryValue                            -   activationQueryValue
datadog                 targetValue,queryValue                -   activationQueryValue
dynatrace               threshold                             -   activationThreshold
elastic-forecast        targetValue                           -   activationTargetValue
elasticsearch           targetValue                           -   activationTargetValue
etcd                    value                                 -   activationValue
gcp-cloudtasks          value                                 100 activationValue
gcp-pubsub              value,subscriptionSize                10  activationValue
gcp-stackdriver         targetValue                           5   activationTargetValue
gcp-storage             targetObjectCount                     100 activationTargetObjectCount
github-runner           targetWorkflowQueueLength             1   activationTargetWorkflowQueueLength
graphite                threshold                             100 activationThreshold
huawei-cloudeye         targetMetricValue                     -   activationTargetMetricValue
ibmmq                   queueDepth                            20  activationQueueDepth
influxdb                thresholdValue                        -   activationThresholdValue
kafka                   lagThreshold                          10  activationLagThreshold
kubernetes-resource     targetValue                           -   activationTargetValue
kubernetes-workload     value                                 -   activationValue
liiklus                 lagThreshold                          10  activationLagThreshold
loki                    threshold                             -   activationThreshold
metrics-api             targetValue                           -   activationTargetValue
mongodb                 queryValue                            -   activationQueryValue
mssql                   targetValue                           -   activationTargetValue
mysql                   queryValue                            -   activationQueryValue
nats-jetstream          lagThreshold                          10  activationLagThreshold
new-relic               threshold                             -   activationThreshold
nsq                     depthThreshold                        10  activationDepthThreshold
opensearch              targetValue                           -   activationTargetValue
openstack-metric        threshold                             -   activationThreshold
openstack-swift         objectCount                           2   activationObjectCount
postgresql              targetQueryValue                      -   activationTargetQueryValue
predictkube             threshold                             -   activationThreshold
prometheus              threshold                             -   activationThreshold
pulsar                  msgBacklogThreshold                   10  activationMsgBacklogThreshold
rabbitmq                value,queueLength                     20  activationValue
redis                   listLength                            5   activationListLength
redis-cluster           listLength                            5   activationListLength
redis-cluster-streams   pendingEntriesCount,streamLength,lagCount 5 activationLagCount
redis-sentinel          listLength                            5   activationListLength
redis-sentinel-streams  pendingEntriesCount,streamLength,lagCount 5 activationLagCount
redis-streams           pendingEntriesCount,streamLength,lagCount 5 activationLagCount
solace-event-queue      messageCountTarget                    -   activationMessageCountTarget
solarwinds              targetValue                           -   activationValue
solr                    targetQueryValue                      -   activationTargetQueryValue
splunk                  targetValue                           -   activationValue
splunk-observability    targetValue                           -   activationTargetValue
stan                    lagThreshold                          10  activationLagThreshold
sumologic               threshold                             -   activationThreshold
temporal                targetQueueSize                       5   activationTargetQueueSize
";

/// How one type calls them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Thresholds {
    names: &'static str,
    /// The threshold if none is written.
    pub(super) default: Option<&'static str>,
    pub(super) activation: &'static str,
}

impl Thresholds {
    /// Its thresholds' names, the first that is written counts.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        self.names.split(',')
    }
}

/// Those of a type of trigger, if it is known.
pub(super) fn of(kind: &str) -> Option<Thresholds> {
    TYPES.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        words.next().filter(|known| *known == kind)?;
        let (names, default) = (words.next()?, words.next()?);
        Some(Thresholds {
            names,
            default: Some(default).filter(|value| *value != "-"),
            activation: words.next()?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_whole_and_each_type_is_there_once() {
        let mut kinds: Vec<&str> = Vec::new();
        for line in TYPES.lines().filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [kind, _, default, activation] = words[..] else {
                panic!("{line}");
            };
            assert!(default == "-" || default.parse::<f64>().is_ok(), "{line}");
            assert!(activation.starts_with("activation"), "{line}");
            kinds.push(kind);
        }
        let sorted: std::collections::BTreeSet<_> = kinds.iter().copied().collect();
        assert!(kinds.iter().copied().eq(sorted), "in order, each once");
        let streams = of("redis-streams").unwrap();
        assert_eq!(streams.names().count(), 3);
        assert_eq!((streams.default, of("external")), (Some("5"), None));
    }
}
