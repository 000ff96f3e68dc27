//! Where a request goes, and whether it may: the gateway's rules, pure.
