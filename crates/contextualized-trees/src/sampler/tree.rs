//! One regression tree: its nodes, its splits, and how they share a row out among the leaves.

/// The rule by which a node shares a row out between its two children.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Split {
    /// The right child's share rises from 0 to 1 over `width` ranks of a number, with its middle between the rank
    /// `below` and the next. At a width of one rank no observed row is shared: each goes to one side.
    Ramp {
        variable: u16,
        below: u16,
        /// Which of the widths that ramps can have.
        width_class: u8,
        width: f32,
    },
    /// The levels of a factor whose bit is set go right, 64 to a word.
    Levels { variable: u16, right: Box<[u64]> },
}

impl Split {
    pub(crate) fn variable(&self) -> usize {
        match self {
            Self::Ramp { variable, .. } | Self::Levels { variable, .. } => usize::from(*variable),
        }
    }

    pub(crate) fn rule(&self) -> Rule<'_> {
        match self {
            Self::Ramp { below, width, .. } => Rule::Ramp {
                below: *below,
                width: *width,
            },
            Self::Levels { right, .. } => Rule::Levels(right),
        }
    }
}

/// What a split does with the ranks or levels of its variable.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule<'a> {
    Ramp { below: u16, width: f32 },
    Levels(&'a [u64]),
}

/// Whether a set of levels has this one; levels beyond the set are not in it.
pub(crate) fn has_level(levels: &[u64], level: u16) -> bool {
    let word = levels.get(usize::from(level / 64)).copied().unwrap_or(0);
    word >> (level % 64) & 1 == 1
}

/// The position of a node in its tree.
pub(crate) type NodeId = usize;

pub(crate) const ROOT: NodeId = 0;

/// A node; one without a split is a leaf.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) parent: NodeId,
    pub(crate) children: [NodeId; 2],
    pub(crate) depth: u8,
    /// What a leaf adds to the coefficient of a row that is wholly in it.
    pub(crate) value: f64,
    pub(crate) split: Option<Split>,
}

/// A tree, whose nodes keep their positions while others come and go.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    free: Vec<NodeId>,
    leaves: Vec<NodeId>,
    /// The nodes both of whose children are leaves.
    twigs: Vec<NodeId>,
}

impl Tree {
    /// A root alone, with a value of zero.
    pub(crate) fn stump() -> Self {
        Self {
            nodes: vec![leaf(ROOT, 0, 0.0)],
            free: Vec::new(),
            leaves: vec![ROOT],
            twigs: Vec::new(),
        }
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    pub(crate) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id]
    }

    pub(crate) fn leaves(&self) -> &[NodeId] {
        &self.leaves
    }

    pub(crate) fn twigs(&self) -> &[NodeId] {
        &self.twigs
    }

    /// The nodes that have a split.
    pub(crate) fn splits(&self) -> impl Iterator<Item = NodeId> {
        (ROOT..self.nodes.len()).filter(|&node| self.nodes[node].split.is_some())
    }

    /// Whether a node is another one or below it.
    pub(crate) fn is_within(&self, id: NodeId, other: NodeId) -> bool {
        let mut at = id;
        while at != other && at != ROOT {
            at = self.nodes[at].parent;
        }
        at == other
    }

    /// The places of the leaves below a node.
    pub(crate) fn places_within(&self, node: NodeId) -> Vec<usize> {
        let leaves = self.leaves.iter().enumerate();
        leaves
            .filter(|(_, leaf)| self.is_within(**leaf, node))
            .map(|(place, _)| place)
            .collect()
    }

    /// The place of a leaf among the leaves.
    pub(crate) fn place(&self, leaf: NodeId) -> usize {
        let mut leaves = self.leaves.iter();
        leaves.position(|other| *other == leaf).unwrap_or(0)
    }

    /// The places of a twig's leaves.
    pub(crate) fn places_below(&self, twig: NodeId) -> [usize; 2] {
        self.nodes[twig].children.map(|leaf| self.place(leaf))
    }

    /// The same with the lower one first.
    pub(crate) fn sorted_places_below(&self, twig: NodeId) -> [usize; 2] {
        let [left, right] = self.places_below(twig);
        [left.min(right), left.max(right)]
    }

    /// The number of twigs once this leaf has children.
    pub(crate) fn twigs_grown(&self, leaf: NodeId) -> usize {
        let parent = self.nodes[leaf].parent;
        let lost = leaf != ROOT && self.twigs.contains(&parent);
        self.twigs.len() + 1 - usize::from(lost)
    }

    /// The splits above a node, each with the side on which the node is.
    pub(crate) fn splits_above(&self, id: NodeId) -> impl Iterator<Item = (&Split, bool)> {
        let mut at = id;
        std::iter::from_fn(move || {
            if at == ROOT {
                return None;
            }
            let parent = self.nodes[at].parent;
            let right = self.nodes[parent].children[1] == at;
            at = parent;
            Some((self.nodes[parent].split.as_ref()?, right))
        })
    }

    /// Gives a leaf two children of its value: the left one takes its place among the leaves, the right one is the last.
    pub(crate) fn grow(&mut self, id: NodeId, split: Split) {
        let (depth, value) = (self.nodes[id].depth + 1, self.nodes[id].value);
        let children = [(); 2].map(|()| {
            let child = leaf(id, depth, value);
            match self.free.pop() {
                Some(free) => {
                    self.nodes[free] = child;
                    free
                }
                None => {
                    self.nodes.push(child);
                    self.nodes.len() - 1
                }
            }
        });
        let place = self.place(id);
        self.leaves[place] = children[0];
        self.leaves.push(children[1]);
        let parent = self.nodes[id].parent;
        self.twigs.retain(|&twig| twig != parent);
        self.twigs.push(id);
        self.nodes[id].split = Some(split);
        self.nodes[id].children = children;
    }

    /// Takes a twig's leaves away: the twig has the place of the first of them, and a value of zero.
    pub(crate) fn prune(&mut self, twig: NodeId) {
        let [kept, gone] = self.sorted_places_below(twig);
        self.leaves[kept] = twig;
        self.leaves.remove(gone);
        self.free.extend(self.nodes[twig].children);
        self.nodes[twig].split = None;
        self.nodes[twig].value = 0.0;
        self.twigs.retain(|&other| other != twig);
        let parent = self.nodes[twig].parent;
        let is_leaf = |id: &NodeId| self.nodes[*id].split.is_none();
        if twig != ROOT && self.nodes[parent].children.iter().all(is_leaf) {
            self.twigs.push(parent);
        }
    }
}

fn leaf(parent: NodeId, depth: u8, value: f64) -> Node {
    Node {
        parent,
        children: [ROOT; 2],
        depth,
        value,
        split: None,
    }
}
