//! The generations of the protocol that simulated printers speak (protocol 4.1), with a template of a report each.

pub(super) mod complete;
pub(super) mod delta;
pub(super) mod packed;

/// Which template a report is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    /// X1 of 2024: everything each second, in members of their own.
    Complete,
    /// P1 and A series, on a small processor: only what changed.
    Delta,
    /// H2, P2S, X2D: everything each second, packed into bit fields and `device`.
    Packed,
}
