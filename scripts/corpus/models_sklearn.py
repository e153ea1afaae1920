"""scikit-learn estimators by sklearn-onnx. What gradient descent or a linear solver fits of the output is a parameter;
what is taken from the data as it is (means, ranges, support vectors, components) is a statistic."""

import warnings

import numpy as np
from sklearn import (
    cluster,
    cross_decomposition,
    decomposition,
    discriminant_analysis,
    gaussian_process,
    linear_model,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
)

from graph import scan
from provenance import Truth
from truth import record, truth_of_random

warnings.filterwarnings("ignore")

PARAMETERS = ("coefs_", "intercepts_", "coef_", "intercept_")
STATISTICS = (
    "mean_", "scale_", "var_", "components_", "explained_variance_", "data_min_", "data_max_", "min_", "center_", "X_train_", "alpha_",
    "cluster_centers_", "support_vectors_", "dual_coef_", "_intercept_", "_dual_coef_", "theta_", "feature_log_prob_", "class_log_prior_",
    "class_count_", "xbar_", "scalings_", "_fit_X", "_x_mean", "_x_std", "_y_mean", "means_", "priors_", "singular_values_", "statistics_",
)  # fmt: skip

rng = np.random.default_rng(0)
x = rng.normal(1, 2, (60, 6)).astype(np.float32)
w = rng.normal(size=(6, 3))
labels = np.argmax(x @ w, 1)
values = (x @ w).astype(np.float32) + 5
makers = {}


def add(name, estimator, target=labels, data=x):
    makers[name] = (estimator, target, data)


add("mlp-classifier", neural_network.MLPClassifier((8,), max_iter=50, random_state=0))
add("mlp-classifier-2", neural_network.MLPClassifier((8, 4), activation="logistic", max_iter=50, random_state=0), labels > 0)
add("mlp-regressor", neural_network.MLPRegressor(hidden_layer_sizes=(8,), activation="tanh", max_iter=50, random_state=0), values)
add("logistic", linear_model.LogisticRegression())
add("logistic-two", linear_model.LogisticRegression(), labels > 0)
add("linear", linear_model.LinearRegression(), values)
add("ridge", linear_model.Ridge(), values[:, 0])
add("lasso", linear_model.Lasso(0.1), values[:, 0])
add("sgd", linear_model.SGDClassifier(loss="log_loss", random_state=0))
add("perceptron", linear_model.Perceptron(random_state=0))
add("svc-linear", svm.LinearSVC())
add("scaled-logistic", pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()))
add("scaled-mlp", pipeline.make_pipeline(preprocessing.StandardScaler(), neural_network.MLPClassifier((8,), max_iter=50, random_state=0)))
add("ranged-mlp", pipeline.make_pipeline(preprocessing.MinMaxScaler(), neural_network.MLPRegressor(hidden_layer_sizes=(8,), max_iter=50, random_state=0)), values[:, 0])
add("robust-ridge", pipeline.make_pipeline(preprocessing.RobustScaler(), linear_model.Ridge()), values)
add("components-logistic", pipeline.make_pipeline(decomposition.PCA(3), linear_model.LogisticRegression()))
add("scaled-components-mlp", pipeline.make_pipeline(preprocessing.StandardScaler(), decomposition.PCA(4, whiten=True), neural_network.MLPClassifier((4,), max_iter=50, random_state=0)))
add("svd-linear", pipeline.make_pipeline(decomposition.TruncatedSVD(3), linear_model.LinearRegression()), values)
add("polynomial-ridge", pipeline.make_pipeline(preprocessing.PolynomialFeatures(2), linear_model.Ridge()), values[:, 0])
add("normaliser-logistic", pipeline.make_pipeline(preprocessing.Normalizer(), linear_model.LogisticRegression()))
add("discriminant", discriminant_analysis.LinearDiscriminantAnalysis())
add("quadratic-discriminant", discriminant_analysis.QuadraticDiscriminantAnalysis())
add("gaussian-process", gaussian_process.GaussianProcessRegressor(gaussian_process.kernels.RBF(2.0)), values[:, 0])
add("gaussian-process-sum", gaussian_process.GaussianProcessRegressor(gaussian_process.kernels.ConstantKernel(2.0) * gaussian_process.kernels.RBF(1.5) + gaussian_process.kernels.WhiteKernel()), values[:, 0])
add("naive-bayes", naive_bayes.GaussianNB())
add("k-means", cluster.KMeans(3, random_state=0, n_init=2))
add("pls", cross_decomposition.PLSRegression(2), values)
add("neighbours", neighbors.KNeighborsRegressor(3), values[:, 0])


def fitted(estimator, path=""):
    """Arrays of fitted attributes by path."""
    steps = estimator.steps if isinstance(estimator, pipeline.Pipeline) else [("", estimator)]
    for name, step in steps:
        for key in dir(step):
            if key not in PARAMETERS and key not in STATISTICS:
                continue
            try:
                value = getattr(step, key)
            except AttributeError:
                continue
            for i, each in enumerate(value if isinstance(value, list) else [value]):
                array = np.asarray(each, np.float64)
                if array.size and array.dtype.kind == "f":
                    yield f"{name}.{key}{f'[{i}]' if isinstance(value, list) else ''}".lstrip("."), key, array


def fit(name, seed):
    estimator, target, data = makers[name]
    noise = np.random.default_rng(seed).normal(scale=0.3, size=data.shape)
    return estimator.fit((data + noise).astype(np.float32) * (1 + 0.1 * seed), target)


def names():
    return list(makers)


def forms(name):
    from sklearn.base import clone
    from skl2onnx import to_onnx

    def export(seed):
        estimator = fit(name, seed)
        model = to_onnx(estimator, x[:1], options={id(estimator): {"zipmap": False}} if hasattr(estimator, "predict_proba") else None, target_opset=17)
        found = list(fitted(estimator))
        parameters = {n: a for n, k, a in found if k in PARAMETERS}
        return model, Truth(parameters, {n: a for n, k, a in found if n not in parameters}, {}, [], "float32")

    def make():
        from truth import changes

        model, truth = export(0)
        other, _ = export(1)
        scanned = scan(model)
        changed = changes(scanned, scan(other))
        known = truth_of_random(scanned, changed, lambda: {}, truth)
        return {"fitted": (model, record(scanned, lambda held, use: known[id(held)]))}

    return [("skl2onnx", make)]
