//! Which nodes are reached from which, kept up to date edge by edge.

/// For every node the set of nodes that a path leads to, as bits.
pub(crate) struct Reachability {
    words: usize,
    bits: Vec<u64>,
    /// The set of the node an edge was added to, while sets that contain its start are changed.
    added: Vec<u64>,
}

impl Reachability {
    /// Of a graph without edges.
    pub(crate) fn new(nodes: usize) -> Self {
        let words = nodes.div_ceil(64);
        Self {
            words,
            bits: vec![0; nodes * words],
            added: vec![0; words],
        }
    }

    /// Whether a path of at least one edge leads from one node to another.
    pub(crate) fn reaches(&self, from: usize, to: usize) -> bool {
        self.bits[from * self.words + to / 64] >> (to % 64) & 1 == 1
    }

    /// Adds an edge.
    pub(crate) fn add(&mut self, from: usize, to: usize) {
        if self.reaches(from, to) {
            return;
        }
        let words = self.words;
        self.added
            .copy_from_slice(&self.bits[to * words..(to + 1) * words]);
        self.added[to / 64] |= 1 << (to % 64);
        for (node, set) in self.bits.chunks_exact_mut(words).enumerate() {
            if node == from || set[from / 64] >> (from % 64) & 1 == 1 {
                for (bits, added) in set.iter_mut().zip(&self.added) {
                    *bits |= added;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_join_across_words() {
        let mut reach = Reachability::new(130);
        for node in 0..129 {
            reach.add(node, node + 1);
        }
        assert!(reach.reaches(0, 129) && reach.reaches(63, 64) && reach.reaches(64, 129));
        assert!(!reach.reaches(129, 0) && !reach.reaches(5, 5));
        reach.add(129, 0);
        assert!(reach.reaches(5, 5) && reach.reaches(100, 3));
    }
}
