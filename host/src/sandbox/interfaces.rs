//! The interfaces by which a component is known as a module of this host's.

/// The interface that makes a component a module of tasks and actors.
pub(super) const GUEST_INTERFACE: &str = "rustyray:core/guest@0.1.0";

/// Of a module whose actors may serve several calls at once.
pub(super) const SERVER_INTERFACE: &str = "rustyray:core/server@0.1.0";
