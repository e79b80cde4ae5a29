//! Which rows a replicate sees.
