//! Options inside something else.

/// The setters that everything with task options in a field has besides.
#[doc(hidden)]
#[macro_export]
macro_rules! __delegate_task_options {
    ($field:tt) => {
        /// Wall-clock time from the start of a run. Never later than the parent's deadline.
        pub fn timeout(mut self, timeout: ::core::time::Duration) -> Self {
            self.$field = self.$field.timeout(timeout);
            self
        }

        /// The fuel that a run may burn: about one for each wasm instruction.
        pub fn fuel(mut self, fuel: u64) -> Self {
            self.$field = self.$field.fuel(fuel);
            self
        }

        /// Fuel that is taken out of the caller's own budget. What is not burned is not given back.
        pub fn fuel_share(mut self, fuel: u64) -> Self {
            self.$field = self.$field.fuel_share(fuel);
            self
        }

        /// How large the memory may grow.
        pub fn memory_bytes(mut self, bytes: u64) -> Self {
            self.$field = self.$field.memory_bytes(bytes);
            self
        }

        /// How large the tables may grow.
        pub fn table_elements(mut self, elements: u64) -> Self {
            self.$field = self.$field.table_elements(elements);
            self
        }

        /// How much a run may print and log.
        pub fn output_bytes(mut self, bytes: u64) -> Self {
            self.$field = self.$field.output_bytes(bytes);
            self
        }

        /// Higher first; 0 where nothing is said.
        pub fn priority(mut self, priority: i32) -> Self {
            self.$field = self.$field.priority(priority);
            self
        }

        /// CPU slots that are held during a run, to three decimals.
        pub fn num_cpus(mut self, cpus: impl ::core::convert::Into<f64>) -> Self {
            self.$field = self.$field.num_cpus(cpus);
            self
        }

        /// An amount of a custom resource that is held during a run, to three decimals.
        pub fn resource(
            mut self,
            name: impl ::core::convert::Into<::std::string::String>,
            amount: impl ::core::convert::Into<f64>,
        ) -> Self {
            self.$field = self.$field.resource(name, amount);
            self
        }

        /// The capabilities to keep, by name, such as `dir:/data:ro`. Without this, all that the parent has.
        pub fn grants<S: ::core::convert::Into<::std::string::String>>(
            mut self,
            grants: impl ::core::iter::IntoIterator<Item = S>,
        ) -> Self {
            self.$field = self.$field.grants(grants);
            self
        }
    };
}
