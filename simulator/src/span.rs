//! One request on its way: a page, or a call between services, in the gateway and in the replica of its current try.

use routing::Try;
use scenarios::{Draws, Stream};

use crate::calendar::Token;
use crate::model::NONE;

/// Where a request is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// It is gone; its number is free.
    Gone,
    /// The gateway has it, and has not chosen a replica yet.
    Gateway,
    /// It waits in the gateway for any replica's slot.
    Waits,
    /// It is on its way to a replica.
    OnItsWay,
    /// The replica accepted it and does nothing.
    Hung,
    /// It waits for a slot of its replica.
    Queued,
    /// It holds a slot and its step's time runs: nothing is to be done.
    Idle,
    /// It holds a slot and works at full speed.
    Working,
    /// It holds a slot and shares the processor.
    Sharing,
    /// It holds a slot and waits for something outside.
    Waiting,
    /// It holds a slot and waits for the calls it made.
    Calling,
    /// It will be answered 500, by a fault.
    Failing,
    /// It holds a slot, its calls have ended, and its replica stands still.
    Called,
    /// Its answer is on its way to the gateway.
    OnItsWayBack,
    /// The gateway waits before it tries again.
    BackOff,
}

/// How a try was answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reply {
    /// Well.
    Good,
    /// With 500, for reasons of its own.
    Bad,
    /// There was no room.
    Full,
    /// It had no more patience to wait for a slot.
    Impatient,
    /// A call it made failed.
    CallFailed,
    /// A call it made was not answered in time.
    CallTimedOut,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    Served,
    Failed,
    Shed,
    TimedOut,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    /// The page that it is for.
    pub(crate) visit: u32,
    /// The request that makes the call; [`NONE`] for a page.
    pub(crate) parent: u32,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    /// The event that ends what it is doing.
    pub(crate) next_event: Token,
    /// The event that ends its try.
    pub(crate) timer: Token,
    /// When it came to the gateway.
    pub(crate) received: u64,
    /// The end of everybody's patience.
    pub(crate) deadline: u64,
    /// When its try began.
    pub(crate) began: u64,
    /// When it set out for its replica.
    pub(crate) sent: u64,
    /// When it reached the replica; or the gateway's own queue, if that is where it waits.
    pub(crate) reached: u64,
    /// From here on its replica thinks that nobody waits for the answer any more.
    pub(crate) until: u64,
    /// When it reached the replica, plus the time of its calls: what has passed since is its own time.
    pub(crate) own_since: u64,
    /// When the calls that it waits for were made.
    pub(crate) calls_since: u64,
    /// When its step ends; if it works in a replica that stands still, how long it has yet to work.
    pub(crate) ends: u64,
    /// The draws of its work and waits, as far as they have gone.
    pub(crate) draws: Draws,
    pub(crate) a_try: Option<Try>,
    pub(crate) visit: u32,
    pub(crate) hop: u32,
    pub(crate) replica: u32,
    /// Who called, if it was no shopper.
    pub(crate) parent: u32,
    /// The first of the calls that it waits for; the others follow by `sibling`.
    pub(crate) child: u32,
    pub(crate) sibling: u32,
    /// Its neighbours in a queue.
    pub(crate) before: u32,
    pub(crate) after: u32,
    /// The window in which it came to the gateway.
    pub(crate) window: u32,
    /// Where the replicas are noted that it was tried on.
    pub(crate) tried: u32,
    pub(crate) call: u16,
    /// The service that it is for.
    pub(crate) service: u16,
    /// The step that is next or under way, among all operations' steps, and its operation's last plus one.
    pub(crate) step: u32,
    pub(crate) steps_end: u32,
    pub(crate) state: State,
    pub(crate) reply: Reply,
    pub(crate) retries: u8,
    /// How often it went elsewhere at once since its last retry.
    pub(crate) elsewhere: u8,
    /// How many calls it waits for.
    pub(crate) open: u8,
    /// Of the calls that failed the first, in the scenario's order, and how.
    pub(crate) failed: Option<(u8, Reply)>,
}

impl Span {
    /// Whether no step of its operation is left.
    #[inline]
    pub(crate) const fn is_done(&self) -> bool {
        self.step == self.steps_end
    }

    /// It is gone, and waits for no event. Where the replicas were noted that it was tried on.
    #[inline]
    pub(crate) const fn end(&mut self) -> u32 {
        self.state = State::Gone;
        self.timer = 0;
        self.next_event = 0;
        std::mem::replace(&mut self.tried, NONE)
    }

    /// One that was never in use.
    pub(crate) fn blank() -> Self {
        Self {
            next_event: 0,
            timer: 0,
            received: 0,
            deadline: 0,
            began: 0,
            sent: 0,
            reached: 0,
            until: 0,
            own_since: 0,
            calls_since: 0,
            ends: 0,
            draws: Draws::new(0, Stream::Fault { fault: 0 }),
            a_try: None,
            visit: NONE,
            hop: 0,
            replica: NONE,
            parent: NONE,
            child: NONE,
            sibling: NONE,
            before: NONE,
            after: NONE,
            window: 0,
            tried: NONE,
            call: 0,
            service: 0,
            step: 0,
            steps_end: 0,
            state: State::Gone,
            reply: Reply::Good,
            retries: 0,
            elsewhere: 0,
            open: 0,
            failed: None,
        }
    }

    /// It becomes a request that has just come to the gateway. Left as they are: what every try sets before it is asked
    /// for, and what is blank again whenever a request ends.
    #[inline]
    pub(crate) fn begin(&mut self, call: u16, asker: Asker, hop: u32, now: u64) {
        self.received = now;
        self.began = now;
        self.reached = now;
        self.visit = asker.visit;
        self.hop = hop;
        self.replica = NONE;
        self.parent = asker.parent;
        self.child = NONE;
        self.sibling = NONE;
        self.call = call;
        self.state = State::Gateway;
        self.retries = 0;
        self.elsewhere = 0;
        self.open = 0;
    }
}
