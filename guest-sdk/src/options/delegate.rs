//! Options inside something else.

/// The setters that everything with task options in a field has besides.
#[doc(hidden)]
#[macro_export]
macro_rules! __delegate_task_options {
    // A parameter's name is looked up where the macro is used, and a task there may have that name: hence the underscores.
    ($field:tt) => {
        /// Wall-clock time from the start of a run. Never later than the parent's deadline.
        pub fn timeout(mut self, __timeout: ::core::time::Duration) -> Self {
            self.$field = self.$field.timeout(__timeout);
            self
        }

        /// The fuel that a run may burn: about one for each wasm instruction.
        pub fn fuel(mut self, __fuel: u64) -> Self {
            self.$field = self.$field.fuel(__fuel);
            self
        }

        /// Fuel that is taken out of the caller's own budget. What is not burned is not given back.
        pub fn fuel_share(mut self, __fuel: u64) -> Self {
            self.$field = self.$field.fuel_share(__fuel);
            self
        }

        /// How large the memory may grow.
        pub fn memory_bytes(mut self, __bytes: u64) -> Self {
            self.$field = self.$field.memory_bytes(__bytes);
            self
        }

        /// How large the tables may grow.
        pub fn table_elements(mut self, __elements: u64) -> Self {
            self.$field = self.$field.table_elements(__elements);
            self
        }

        /// How much a run may print and log.
        pub fn output_bytes(mut self, __bytes: u64) -> Self {
            self.$field = self.$field.output_bytes(__bytes);
            self
        }

        /// Whether an error that the function returns counts like a system failure, after which it is run again.
        pub fn retry_exceptions(mut self, __retry: bool) -> Self {
            self.$field = self.$field.retry_exceptions(__retry);
            self
        }

        /// The rest before the second attempt. It doubles with each further one; zero is none.
        pub fn retry_backoff(mut self, __base: ::core::time::Duration) -> Self {
            self.$field = self.$field.retry_backoff(__base);
            self
        }

        /// Higher first; 0 where nothing is said.
        pub fn priority(mut self, __priority: i32) -> Self {
            self.$field = self.$field.priority(__priority);
            self
        }

        /// CPU slots that are held during a run, to three decimals.
        pub fn num_cpus(mut self, __cpus: impl ::core::convert::Into<f64>) -> Self {
            self.$field = self.$field.num_cpus(__cpus);
            self
        }

        /// An amount of a custom resource that is held during a run, to three decimals.
        pub fn resource(
            mut self,
            __name: impl ::core::convert::Into<::std::string::String>,
            __amount: impl ::core::convert::Into<f64>,
        ) -> Self {
            self.$field = self.$field.resource(__name, __amount);
            self
        }

        /// The capabilities to keep, by name, such as `dir:/data:ro`. Without this, all that the parent has.
        pub fn grants<S: ::core::convert::Into<::std::string::String>>(
            mut self,
            __grants: impl ::core::iter::IntoIterator<Item = S>,
        ) -> Self {
            self.$field = self.$field.grants(__grants);
            self
        }
    };
}

pub(crate) use __delegate_task_options as delegate_task_options;
