//! What `rustyray-host stubs` writes is a list of these: a task or an actor of another module, called as if it were here.

/// Declares a task or an actor type of another module by its name and types, which nobody checks: `rustyray-host stubs`
/// writes it.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// rustyray::stub! {
///     /// Adds.
///     fn add(a: i32, b: i32) -> ObjectRef<i32> = "calc:add";
/// }
///
/// rustyray::stub! {
///     /// Counts.
///     actor Counter, CounterHandle, CounterOptions = "calc:Counter";
///     constructors {
///         fn remote(start: i32) = "new";
///     }
///     methods {
///         fn increment() -> ObjectRef<i32> = "increment";
///     }
/// }
///
/// # async fn example() -> Result<()> {
/// let counter = Counter::remote(add.remote(2, 3));
/// println!("{}", counter.increment().await?);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! stub {
    ($(#[$attribute:meta])* fn $name:ident($($argument:ident: $Type:ty),*) -> $Returned:ty = $path:literal;) => {
        $(#[$attribute])*
        #[allow(non_camel_case_types, dead_code)]
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        #[allow(dead_code, clippy::too_many_arguments, clippy::type_complexity)]
        impl $name {
            /// Submits a task and gives the reference to its result at once.
            pub fn remote(&self, $($argument: impl $crate::IntoArg<$Type>),*) -> $Returned {
                self.options().remote($($argument),*)
            }

            /// Starts saying how a task is to run; `remote` then submits it.
            pub fn options(&self) -> $crate::Submission<($($Type,)*), $Returned> {
                $crate::Submission::new($path)
            }
        }
    };

    (
        $(#[$attribute:meta])* actor $Actor:ident, $Handle:ident, $Options:ident = $path:literal;
        constructors { $($(#[$made:meta])* fn $constructor:ident($($given:ident: $Given:ty),*) = $new:literal;)* }
        methods { $($(#[$called:meta])* fn $method:ident($($argument:ident: $Type:ty),*) -> $Returned:ty = $call:literal;)* }
    ) => {
        $(#[$attribute])*
        #[allow(dead_code)]
        #[derive(Clone, Copy, Debug)]
        pub enum $Actor {}

        $crate::__actor_items! {
            pub $Actor, $Handle, $Options, ::core::stringify!($Actor), $path, $crate::__private::ActorDefaults::NONE, "",
            ::core::option::Option::None
        }

        #[allow(dead_code, clippy::too_many_arguments)]
        impl $Actor {
            $(
                $(#[$made])*
                pub fn $constructor($($given: impl $crate::IntoArg<$Given>),*) -> $Handle {
                    Self::options().$constructor($($given),*)
                }
            )*
        }

        #[allow(dead_code, clippy::too_many_arguments)]
        impl $Options {
            $(
                $(#[$made])*
                pub fn $constructor(self, $($given: impl $crate::IntoArg<$Given>),*) -> $Handle {
                    let outgoing = &mut [$($crate::IntoArg::<$Given>::into_outgoing($given)),*];
                    let raw = $crate::__private::create_actor::<$Actor>($new, self.__options(), outgoing);
                    <$Handle as $crate::Handle>::from_raw(raw)
                }
            )*
        }

        #[allow(dead_code, clippy::too_many_arguments)]
        impl $Handle {
            $(
                $(#[$called])*
                pub fn $method(&self, $($argument: impl $crate::IntoArg<$Type>),*) -> $Returned {
                    let outgoing = &mut [$($crate::IntoArg::<$Type>::into_outgoing($argument)),*];
                    $crate::Handle::raw(self).call($call, outgoing)
                }
            )*
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::block_on;
    use crate::prelude::*;

    /// The other module.
    mod there {
        #[rustyray::remote(name = "calc:twice")]
        fn twice(n: u32) -> u32 {
            2 * n
        }

        #[rustyray::actor(name = "calc:Counter")]
        struct Counter {
            total: u32,
        }

        #[rustyray::actor_methods]
        impl Counter {
            fn new() -> Self {
                Counter { total: 0 }
            }

            fn starting_at(total: u32) -> Self {
                Counter { total }
            }

            fn add(&mut self, more: u32) -> u32 {
                self.total += more;
                self.total
            }
        }
    }

    rustyray::stub! {
        fn twice(n: u32) -> ObjectRef<u32> = "calc:twice";
    }

    rustyray::stub! {
        /// Counts.
        actor Counter, CounterHandle, CounterOptions = "calc:Counter";
        constructors {
            /// Begins with nothing.
            fn remote() = "new";
            fn remote_starting_at(total: u32) = "starting_at";
        }
        methods {
            fn add(more: u32) -> ObjectRef<u32> = "add";
        }
    }

    #[test]
    fn what_is_elsewhere_is_called_as_if_it_were_here() {
        block_on(async {
            assert_eq!(twice.remote(twice.remote(3)).await.unwrap(), 12);
            assert_eq!(twice.options().name("two").remote(1).await.unwrap(), 2);
            let counter = Counter::remote_starting_at(twice.remote(2)).await.unwrap();
            assert_eq!(counter.add(1).await.unwrap(), 5);
            let other = Counter::options().name("other").max_restarts(1).remote();
            assert_eq!(other.with_options(TaskOptions::new().priority(1)).add(2).await.unwrap(), 2);
            let found = crate::get_actor::<Counter>("other").await.unwrap();
            assert_eq!(found.add(1).await.unwrap(), 3);
        });
    }
}
