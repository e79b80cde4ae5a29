//! Pairs of nodes that may have an edge.

/// All ordered pairs of a directed network, else every pair once.
pub fn pairs(nodes: usize, directed: bool) -> impl Iterator<Item = (usize, usize)> {
    let all = (0..nodes).flat_map(move |from| (0..nodes).map(move |to| (from, to)));
    all.filter(move |(from, to)| from < to || (directed && from != to))
}

/// What the column of an edge is called: `edge.FROM->TO` or `edge.A--B`.
pub fn column_name(nodes: &[String], (from, to): (usize, usize), directed: bool) -> String {
    let arrow = if directed { "->" } else { "--" };
    format!("edge.{}{arrow}{}", nodes[from], nodes[to])
}
