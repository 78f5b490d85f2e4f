//! What `#[rustyray::actor]` puts beside an actor's type. Here rather than in the macro crate: it is ordinary code but for
//! the names.

/// Declares the handle and the options of an actor.
#[doc(hidden)]
#[macro_export]
macro_rules! __actor_items {
    ($vis:vis $Actor:ident, $Handle:ident, $Options:ident, $label:expr, $type_name:expr, $defaults:expr, $docs:literal, $checkpoints:expr) => {
        #[doc = ::core::concat!(
            "A handle to a [`", $label, "`] that lives as an actor. `.await` waits for its constructor."
        )]
        #[derive(Clone)]
        #[allow(dead_code)]
        $vis struct $Handle($crate::__private::RawHandle);

        #[doc = ::core::concat!("How a [`", $label, "`] is to live as an actor.")]
        #[derive(Clone, Debug)]
        #[allow(dead_code)]
        #[must_use = "nothing is created until a `remote` method is called"]
        $vis struct $Options($crate::ActorOptions);

        const _: () = {
            #[diagnostic::do_not_recommend]
            impl $crate::Actor for $Actor {
                type Handle = $Handle;
                const TYPE_NAME: &'static str = $type_name;
                const DEFAULTS: $crate::__private::ActorDefaults = $defaults;
                const DOCS: &'static str = $docs;
                const CHECKPOINTS: ::core::option::Option<$crate::__private::Checkpoints> = $checkpoints;
            }

            impl $crate::Handle for $Handle {
                type Actor = $Actor;

                fn from_raw(raw: $crate::__private::RawHandle) -> Self {
                    Self(raw)
                }

                fn raw(&self) -> &$crate::__private::RawHandle {
                    &self.0
                }
            }

            impl ::core::fmt::Debug for $Handle {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    ::core::fmt::Formatter::write_str(f, ::core::concat!($label, "Handle"))
                }
            }

            impl $crate::serde::Serialize for $Handle {
                fn serialize<S: $crate::serde::Serializer>(
                    &self,
                    serializer: S,
                ) -> ::core::result::Result<S::Ok, S::Error> {
                    $crate::serde::Serialize::serialize(&self.0, serializer)
                }
            }

            impl<'de> $crate::serde::Deserialize<'de> for $Handle {
                fn deserialize<D: $crate::serde::Deserializer<'de>>(
                    deserializer: D,
                ) -> ::core::result::Result<Self, D::Error> {
                    $crate::serde::Deserialize::deserialize(deserializer).map(Self)
                }
            }

            impl ::core::future::IntoFuture for $Handle {
                type Output = $crate::Result<Self>;
                type IntoFuture = $crate::Ready<Self>;

                fn into_future(self) -> $crate::Ready<Self> {
                    $crate::Handle::ready(&self)
                }
            }

            impl ::core::future::IntoFuture for &$Handle {
                type Output = $crate::Result<$Handle>;
                type IntoFuture = $crate::Ready<$Handle>;

                fn into_future(self) -> $crate::Ready<$Handle> {
                    $crate::Handle::ready(self)
                }
            }
        };

        #[allow(dead_code)]
        impl $Actor {
            /// Starts saying how the actor is to live; a `remote` method then creates it.
            $vis fn options() -> $Options {
                $Options($crate::ActorOptions::new())
            }
        }

        #[allow(dead_code)]
        impl $Options {
            /// A name to find it by with `get_actor`. Unique in its namespace.
            pub fn name(self, name: impl ::core::convert::Into<::std::string::String>) -> Self {
                Self(self.0.name(name))
            }

            /// Where its name is unique; one of all that say nothing.
            pub fn namespace(self, namespace: impl ::core::convert::Into<::std::string::String>) -> Self {
                Self(self.0.namespace(namespace))
            }

            /// If there is an actor of its name and type already, that one is meant, and no other is made.
            pub fn get_if_exists(self) -> Self {
                Self(self.0.get_if_exists())
            }

            /// How often it may be started again after a crash.
            pub fn max_restarts(self, restarts: u32) -> Self {
                Self(self.0.max_restarts(restarts))
            }

            /// How many calls may wait for it; one more fails.
            pub fn max_pending_calls(self, calls: u32) -> Self {
                Self(self.0.max_pending_calls(calls))
            }

            /// Lives until it is killed, whoever holds a handle.
            pub fn detached(self) -> Self {
                Self(self.0.detached())
            }

            /// How many calls it serves at once, those of its concurrency groups aside. Only of a type that declares that it serves
            /// several.
            pub fn max_concurrency(self, calls: u32) -> Self {
                Self(self.0.max_concurrency(calls))
            }

            /// How often to run a call again that runs when the actor crashes. 0 where nothing is said, so that each call
            /// runs at most once.
            pub fn max_task_retries(self, retries: u32) -> Self {
                Self(self.0.max_task_retries(retries))
            }

            $crate::__delegate_task_options!(0);

            #[doc(hidden)]
            pub fn __options(&self) -> &$crate::ActorOptions {
                &self.0
            }
        }
    };
}
