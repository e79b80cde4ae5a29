//! Archetypes, embeddings and what explains them, of fitted models.

use contextualized_analysis::{
    ArchetypeSummary, CoefficientColumns, Covariate, NetworkColumns, PrincipalComponents,
    explained_variance,
};
use contextualized_baselines::{ClusterNetworks, ClusterRegression, PopulationCorrelation};
use contextualized_core::{
    Estimator, Family, LocalCoefficients, Samples, VaryingCoefficients, VaryingNetworks,
};
use contextualized_linear::{EncoderLink, NeuralRegression, Parameterization};
use contextualized_simulation::{CovarianceSimulator, Simulator};
use ndarray::{Array2, s};

/// The first context mixes two linear models, the second one does nothing.
fn mixtures(rows: usize) -> Samples {
    Simulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(|c| {
            let share = 0.5 + 0.5 * c[0];
            vec![2.0 - 4.0 * share, 1.0]
        })
        .noise(0.3)
        .simulate(1)
        .unwrap()
        .samples
}

#[test]
fn a_softmax_model_says_which_rows_are_alike() {
    let samples = mixtures(300);
    let model = NeuralRegression::new()
        .parameterization(Parameterization::Archetypes(2))
        .encoder_link(EncoderLink::Softmax)
        .mlp(8, 1)
        .epochs(60)
        .learning_rate(1e-2)
        .batch_size(16)
        .fit(&samples)
        .unwrap();
    let columns = CoefficientColumns::new(&samples, model.family()).unwrap();
    let summary = ArchetypeSummary::new(&model, &samples, &columns).unwrap();
    assert!(summary.base.is_none());
    assert!((summary.sizes.sum() - 300.0).abs() < 1e-9);
    // One archetype stands for low, one for high values of the first context.
    let [low, high] = if summary.mean_contexts[[0, 0]] < summary.mean_contexts[[1, 0]] {
        [0, 1]
    } else {
        [1, 0]
    };
    assert!(summary.mean_contexts[[low, 0]] < -0.15 && summary.mean_contexts[[high, 0]] > 0.15);
    assert!(summary.table[[low, 0]] > summary.table[[high, 0]] + 0.5);
    assert!(summary.effective > 1.8 && summary.effective <= 2.0);
    for row in summary.most_typical(high, 10).unwrap() {
        assert!(samples.contexts()[[row, 0]] > 0.5);
    }

    // The slope that varies is most of what varies, and the first context explains it.
    let coefficients = model.coefficients(samples.contexts()).unwrap();
    let table = columns.table(&coefficients).unwrap();
    let components = PrincipalComponents::new()
        .fit(table.view(), columns.names())
        .unwrap();
    assert!(components.explained()[0] > 0.95);
    assert!(components.loadings()[[0, 0]] > 0.9);
    let covariates: Vec<Covariate> = (0..2)
        .map(|k| Covariate::column(format!("c{k}"), samples.contexts().column(k)).unwrap())
        .collect();
    let explained = explained_variance(table.view(), columns.names(), &covariates).unwrap();
    assert!(explained.shares[[0, 0]] > 0.9 && explained.shares[[0, 1]] < 0.1);
    assert!(explained.overall[0] > 0.9);
}

#[test]
fn clusters_have_rows_of_one_archetype() {
    let samples = mixtures(120);
    let model = ClusterRegression::new().clusters(3).fit(&samples).unwrap();
    let columns = CoefficientColumns::new(&samples, Family::Gaussian).unwrap();
    let summary = ArchetypeSummary::new(&model, &samples, &columns).unwrap();
    assert!(
        summary
            .effective_by_row()
            .iter()
            .all(|number| *number == 1.0)
    );
    for (archetype, cluster) in model.report().clusters.iter().enumerate() {
        assert_eq!(summary.sizes[archetype], cluster.rows as f64);
    }
    let labels = model.labels(samples.contexts()).unwrap();
    for (dominant, label) in summary.dominant().into_iter().zip(labels) {
        assert_eq!(dominant, Some((label, 1.0)));
    }
}

#[test]
fn networks_in_blocks_are_seen_as_whole_ones() {
    let samples = CovarianceSimulator::new(600)
        .contexts(|draws| vec![draws.uniform(-1.0, 1.0)])
        .covariance(|c| {
            let mut matrix = Array2::eye(4);
            matrix[[0, 1]] = 0.8 * c[0].signum();
            matrix[[1, 0]] = 0.8 * c[0].signum();
            matrix
        })
        .simulate(3)
        .unwrap()
        .samples;
    let model = ClusterNetworks::new(PopulationCorrelation::new())
        .clusters(4)
        .fit(&samples)
        .unwrap();
    let contexts = samples.contexts();
    let columns = NetworkColumns::undirected(&["A", "B", "C", "D"]);
    let components = PrincipalComponents::new()
        .fit_networks(&model, contexts, &columns, 200, 5)
        .unwrap();
    assert_eq!(components.names()[0], "A – B");
    assert!(components.loadings()[[0, 0]] > 0.9 && components.explained()[0] > 0.9);
    let scores = components
        .transform_networks(&model, contexts, &columns)
        .unwrap();
    let table = columns.table(&model.networks(contexts).unwrap()).unwrap();
    let whole = components.transform(table.view()).unwrap();
    assert_eq!(scores, whole);
    let again = PrincipalComponents::new()
        .fit_networks(&model, contexts, &columns, 200, 5)
        .unwrap();
    assert_eq!(again, components);
    // Rows on either side of zero lie on either side of the first component.
    for (row, score) in scores.column(0).iter().enumerate() {
        if contexts[[row, 0]].abs() > 0.6 {
            assert_eq!(score.signum(), contexts[[row, 0]].signum());
        }
    }
    let summary = ArchetypeSummary::of_networks(&model, contexts, &columns).unwrap();
    assert_eq!(summary.table.dim(), (4, 6));
    assert!((summary.sizes.sum() - 600.0).abs() < 1e-9);
    assert!(ArchetypeSummary::of_networks(&model, contexts.slice(s![..0, ..]), &columns).is_err());
}
