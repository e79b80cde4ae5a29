//! Losses against epochs.

use contextualized_plot::{Colour, Figure, Line, Panel, Scale};

/// A model's losses after each epoch.
#[derive(Debug, Clone, Copy)]
pub struct TrainingCurve<'a> {
    /// The model's name.
    pub name: &'a str,
    /// The loss on the training rows, from epoch 1 on.
    pub training: &'a [f64],
    /// The loss on held-out rows, from epoch 1 on; empty if there were none.
    pub validation: &'a [f64],
}

/// Losses on a logarithmic axis against epochs: a colour for each model, training solid and
/// validation dashed.
///
/// The colours repeat after eight models. Losses have to be positive, which is found when the
/// figure is drawn.
pub fn training_curves(curves: &[TrainingCurve<'_>]) -> Figure {
    let mut panel = Panel::new("")
        .x_label("Epoch")
        .y_label("Loss")
        .y_scale(Scale::Log10);
    let lengths = curves
        .iter()
        .flat_map(|c| [c.training.len(), c.validation.len()]);
    let longest = lengths.max().unwrap_or(0);
    if longest <= 10 {
        // Few epochs are all marked, and none between them.
        let epochs: Vec<f64> = (1..=longest).map(|epoch| epoch as f64).collect();
        panel = panel.x_ticks(&epochs);
    }
    for (model, curve) in curves.iter().enumerate() {
        let colour = Colour::qualitative(model);
        let line = |losses: &[f64]| {
            let points: Vec<_> = (1..).map(f64::from).zip(losses.iter().copied()).collect();
            Line::new(&points).colour(colour)
        };
        panel = panel.layer(line(curve.training).label(curve.name));
        if !curve.validation.is_empty() {
            panel = panel.layer(line(curve.validation).dashed());
        }
    }
    if curves.iter().any(|curve| !curve.validation.is_empty()) {
        let sample = || Line::new(&[]).colour(Colour::GREY);
        panel = panel
            .layer(sample().label("training (solid)"))
            .layer(sample().dashed().label("validation (dashed)"));
    }
    Figure::new(1)
        .title("Training curves")
        .description("The loss of each model against the epoch, on a logarithmic axis.")
        .panel_size(620.0, 340.0)
        .panel(panel)
}
