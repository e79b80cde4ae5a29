//! Figures as PNG.

use crate::error::{Error, Result};
use resvg::{tiny_skia, usvg};
use std::sync::{Arc, LazyLock};

/// Dots for each px of the SVG: sharp in print at 12 cm.
const SCALE: f32 = 3.0;

/// Typefaces without serifs, those before others that most readers know.
const FACES: [&str; 7] = [
    "Helvetica",
    "Arial",
    "Liberation Sans",
    "DejaVu Sans",
    "Noto Sans",
    "Segoe UI",
    "Ubuntu",
];

/// The typefaces that are installed.
static TYPEFACES: LazyLock<Arc<usvg::fontdb::Database>> = LazyLock::new(|| {
    let mut faces = usvg::fontdb::Database::new();
    faces.load_system_fonts();
    let known = |name: &str| {
        let families = [usvg::fontdb::Family::Name(name)];
        let query = usvg::fontdb::Query {
            families: &families,
            ..usvg::fontdb::Query::default()
        };
        faces.query(&query).is_some()
    };
    let first = FACES.iter().copied().find(|name| known(name));
    let any = faces.faces().next().and_then(|face| face.families.first());
    let any = any.map(|(name, _)| name.clone());
    if let Some(name) = first.map(str::to_owned).or(any) {
        faces.set_sans_serif_family(name);
    }
    Arc::new(faces)
});

/// An SVG document as a PNG file.
pub(crate) fn png(svg: &str) -> Result<Vec<u8>> {
    let failed = |source: &dyn std::fmt::Display| {
        Error::failure(format!("cannot draw a figure as PNG: {source}"))
    };
    if TYPEFACES.is_empty() {
        return Err(Error::failure(
            "PNG files need a typeface, and none is installed; the SVG files are complete",
        ));
    }
    let options = usvg::Options {
        fontdb: TYPEFACES.clone(),
        font_family: "sans-serif".to_owned(),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|source| failed(&source))?;
    let size = tree.size();
    let side = |length: f32| (SCALE * length).ceil() as u32;
    let mut picture = tiny_skia::Pixmap::new(side(size.width()), side(size.height()))
        .ok_or_else(|| failed(&"it is too large"))?;
    let transform = tiny_skia::Transform::from_scale(SCALE, SCALE);
    resvg::render(&tree, transform, &mut picture.as_mut());
    picture.encode_png().map_err(|source| failed(&source))
}
