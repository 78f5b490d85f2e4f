//! The state of the actor that an instance is.

use std::any::Any;
use std::cell::{Ref, RefCell, RefMut};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

/// The state, which calls that run at once share.
#[derive(Clone)]
pub struct State(Rc<RefCell<Box<dyn Any>>>);

impl State {
    pub(super) fn new(state: Box<dyn Any>) -> Self {
        Self(Rc::new(RefCell::new(state)))
    }

    /// For a method that takes `&self`.
    ///
    /// # Panics
    /// Never: a method comes from the same declaration as the state, and begins while none runs that takes `&mut self`.
    #[must_use]
    pub fn shared<A: 'static>(&self) -> Shared<'_, A> {
        Shared(Ref::map(self.0.borrow(), |state| state.downcast_ref().expect("methods are declared for their state")))
    }

    /// For a method that takes `&mut self`.
    ///
    /// # Panics
    /// Never: as [`shared`](Self::shared), and begins while none runs at all.
    #[must_use]
    pub fn exclusive<A: 'static>(&self) -> Exclusive<'_, A> {
        let state = self.0.borrow_mut();
        Exclusive(RefMut::map(state, |state| state.downcast_mut().expect("methods are declared for their state")))
    }

    /// Can such a method begin?
    pub(crate) fn is_free(&self, exclusive: bool) -> bool {
        if exclusive { self.0.try_borrow_mut().is_ok() } else { self.0.try_borrow().is_ok() }
    }

    pub(super) fn any(&self) -> Ref<'_, Box<dyn Any>> {
        self.0.borrow()
    }

    pub(super) fn exclusive_any(&self) -> RefMut<'_, Box<dyn Any>> {
        self.0.borrow_mut()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State")
    }
}

/// The state while a method runs that takes `&self`.
pub struct Shared<'a, A>(Ref<'a, A>);

impl<A> Deref for Shared<'_, A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.0
    }
}

/// The state while a method runs that takes `&mut self`.
pub struct Exclusive<'a, A>(RefMut<'a, A>);

impl<A> Deref for Exclusive<'_, A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.0
    }
}

impl<A> DerefMut for Exclusive<'_, A> {
    fn deref_mut(&mut self) -> &mut A {
        &mut self.0
    }
}

/// The state, for a method that runs alone.
///
/// # Panics
/// Never: a method comes from the same declaration as the state.
pub fn actor_state<A: 'static>(state: &mut dyn Any) -> &mut A {
    state.downcast_mut().expect("the state is of the type that the methods are declared for")
}
