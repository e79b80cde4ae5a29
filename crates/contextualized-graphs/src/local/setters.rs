//! The settings that kernel correlation and Markov networks have in common.

/// Setters of an estimator whose `settings` are [`LocalSettings`](super::LocalSettings).
macro_rules! local_setters {
    () => {
        /// How estimates follow their contexts.
        pub fn order(mut self, order: $crate::Order) -> Self {
            self.settings.order = order;
            self
        }

        /// These bandwidths, known: nothing is searched. Those of a
        /// [report](crate::LocalReport) are an example.
        pub fn bandwidths(mut self, bandwidths: $crate::Bandwidths) -> Self {
            self.settings.bandwidths = Some(bandwidths);
            self
        }

        /// The most rows whose likelihood bandwidths are chosen by.
        pub fn evaluation_rows(mut self, rows: usize) -> Self {
            self.settings.evaluation_rows = Some(rows);
            self
        }

        /// Seed of the choice of evaluation rows.
        pub fn seed(mut self, seed: u64) -> Self {
            self.settings.seed = seed;
            self
        }
    };
}

pub(crate) use local_setters;
