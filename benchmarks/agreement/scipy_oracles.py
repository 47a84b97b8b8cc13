"""Every filter in SciPy's convention, written with SciPy, scikit-image and NumPy, or from the source it names.

Each oracle takes ``(image, sigma, spacing)``, the image as float64, and returns the outputs as a list.
"""

import warnings
from itertools import combinations_with_replacement

import numpy as np
from scipy import ndimage


def smooth(image, sigma, spacing, orders=None):
    orders = orders or (0,) * image.ndim
    out = ndimage.gaussian_filter(image, [sigma / s for s in spacing], order=orders, mode="reflect", truncate=4.0)
    return out / np.prod([s**order for s, order in zip(spacing, orders, strict=True)])


def partial(image, sigma, spacing, *axes):
    return smooth(image, sigma, spacing, tuple(axes.count(axis) for axis in range(image.ndim)))


def descending_eigenvalues(entries, ndim):
    matrix = np.empty((*next(iter(entries.values())).shape, ndim, ndim))
    for (i, j), values in entries.items():
        matrix[..., i, j] = matrix[..., j, i] = values
    return list(np.moveaxis(np.linalg.eigvalsh(matrix)[..., ::-1], -1, 0))


def axis_pairs(ndim):
    return combinations_with_replacement(range(ndim), 2)


def difference_of_gaussians(image, sigma, spacing):
    return [smooth(image, 0.9 * sigma, spacing) - smooth(image, 1.1 * sigma, spacing)]


def laplacian(image, sigma, spacing):
    return [sum(partial(image, sigma, spacing, axis, axis) for axis in range(image.ndim))]


def gradient_magnitude(image, sigma, spacing):
    return [np.sqrt(sum(partial(image, sigma, spacing, axis) ** 2 for axis in range(image.ndim)))]


def hessian(image, sigma, spacing):
    entries = {(i, j): partial(image, sigma, spacing, i, j) for i, j in axis_pairs(image.ndim)}
    return descending_eigenvalues(entries, image.ndim)


def structure_tensor(image, sigma, spacing):
    gradient = [partial(image, sigma, spacing, axis) for axis in range(image.ndim)]
    entries = {(i, j): smooth(gradient[i] * gradient[j], sigma / 2, spacing) for i, j in axis_pairs(image.ndim)}
    return descending_eigenvalues(entries, image.ndim)


def apoc_blur(image, sigma, spacing):
    for axis, distance in enumerate(spacing):
        taps = int(8 * (sigma / distance))
        taps += taps % 2 == 0
        weights = np.exp(-0.5 * ((np.arange(taps) - taps // 2) * distance / sigma) ** 2)
        image = ndimage.correlate1d(image, weights / weights.sum(), axis=axis, mode="nearest")
    return image


def apoc_difference(image, sigma, spacing):
    return [apoc_blur(image, 0.9 * sigma, spacing) - apoc_blur(image, 1.1 * sigma, spacing)]


def apoc_laplace_box(image, sigma, spacing):
    stencil = np.full((3,) * image.ndim, -1.0)
    stencil[(1,) * image.ndim] = 3**image.ndim - 1
    return [ndimage.correlate(apoc_blur(image, sigma, spacing), stencil, mode="nearest")]


def apoc_sobel(image, sigma, spacing):
    blurred = apoc_blur(image, sigma, spacing)
    return [np.sqrt(sum(ndimage.sobel(blurred, axis, mode="nearest") ** 2 for axis in range(image.ndim)))]


def det(matrix_entries, ndim):
    matrix = np.empty((*next(iter(matrix_entries.values())).shape, ndim, ndim))
    for (i, j), values in matrix_entries.items():
        matrix[..., i, j] = matrix[..., j, i] = values
    return np.linalg.det(matrix)


def hessian_entries(image, sigma, spacing):
    return {(i, j): partial(image, sigma, spacing, i, j) for i, j in axis_pairs(image.ndim)}


def gaussian_derivatives(image, sigma, spacing):
    first = [partial(image, sigma, spacing, axis) for axis in range(image.ndim)]
    return first + list(hessian_entries(image, sigma, spacing).values())


def sobel(image, sigma, spacing):
    blurred = smooth(image, sigma, spacing)
    return [np.sqrt(sum(ndimage.sobel(blurred, axis, mode="reflect") ** 2 for axis in range(image.ndim)))]


def box_size(sigma, spacing):
    return [2 * int(sigma / s + 0.5) + 1 for s in spacing]


def of_box(function):
    """Return the oracle of a function of SciPy that takes `size`."""
    return lambda image, sigma, spacing: [function(image, size=box_size(sigma, spacing), mode="reflect")]


def variance(image, sigma, spacing):
    size = box_size(sigma, spacing)
    padded = np.pad(image, [(n // 2, n // 2) for n in size], mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)
    return [windows.reshape(*image.shape, -1).var(axis=-1)]


def entropy(image, sigma, spacing):
    low, high = image.min(), image.max()
    bins = np.minimum(((image - low) / max(high - low, 1e-300) * 32).astype(int), 31)
    box = np.ones(box_size(sigma, spacing))
    total = ndimage.correlate(np.ones(image.shape), box, mode="constant")
    result = np.zeros(image.shape)
    for value in np.unique(bins):
        p = ndimage.correlate((bins == value).astype(float), box, mode="constant") / total
        result -= p * np.log2(np.where(p > 0, p, 1))
    return [result]


def gabor(image, sigma, spacing):
    frequency = 3 * np.sqrt(np.log(2) / 2) / np.pi  # times sigma: one octave
    results = []
    for step in (s for s in np.ndindex(*(3,) * image.ndim) if s > (1,) * image.ndim):
        direction = np.array(step) - 1
        direction = direction / np.linalg.norm(direction)
        values = image.astype(complex)
        for axis, distance in enumerate(spacing):
            s = sigma / distance
            k = np.arange(-int(4 * s + 0.5), int(4 * s + 0.5) + 1)
            phi = np.exp(-0.5 * (k / s) ** 2)
            wave = phi / phi.sum() * np.exp(2j * np.pi * frequency / s * direction[axis] * k)
            values = ndimage.convolve1d(values, wave.conj(), axis=axis, mode="reflect")
        results.append(np.abs(values))
    return results


def turned_membrane(degrees):
    """Return the kernel of Trainable Weka's membrane projections, as ImageJ's FloatProcessor.rotate turns it."""
    line, kernel = np.zeros((19, 19)), np.zeros((19, 19))
    line[:, [9, 10]] = 1
    radians = -degrees * np.pi / 180
    for y in range(19):
        for x in range(19):
            xs = (x - 9) * np.cos(radians) - (y - 9) * np.sin(radians) + 9
            ys = (x - 9) * np.sin(radians) + (y - 9) * np.cos(radians) + 9
            if -0.01 <= xs < 18.5 and -0.01 <= ys < 18.5:
                kernel[y, x] = line[int(ys + 0.5), int(xs + 0.5)]
    return kernel / kernel.sum()


def membranes(image, sigma, spacing):
    stack = np.stack([ndimage.correlate(image, turned_membrane(18 * i), mode="nearest") for i in range(10)])
    std = np.sqrt(((stack - stack.mean(axis=0)) ** 2).sum(axis=0) / 9)
    return [stack.mean(0), stack.max(0), stack.min(0), stack.sum(0), std, np.median(stack, axis=0)]


def binary_pattern(image, sigma, spacing):
    from skimage.feature import local_binary_pattern

    with warnings.catch_warnings():  # about ties in float images, which random ones do not have
        warnings.filterwarnings("ignore", "Applying `local_binary_pattern` to floating-point")
        return [local_binary_pattern(image, 8, sigma / spacing[0], "uniform")]


def position(image, sigma, spacing):
    return [(index + 0.5) / n for index, n in zip(np.indices(image.shape), image.shape, strict=True)]


def of_scales(ratio):
    return lambda image, sigma, spacing: [smooth(image, ratio * sigma, spacing) - smooth(image, sigma, spacing)]


ORACLES = {
    "original": lambda image, sigma, spacing: [image],
    "gaussian": lambda image, sigma, spacing: [smooth(image, sigma, spacing)],
    "difference_of_gaussians": difference_of_gaussians,
    "laplacian_of_gaussian": laplacian,
    "gaussian_gradient_magnitude": gradient_magnitude,
    "hessian_eigenvalues": hessian,
    "structure_tensor_eigenvalues": structure_tensor,
    "gaussian_derivatives": gaussian_derivatives,
    "hessian_determinant": lambda i, sigma, spacing: [det(hessian_entries(i, sigma, spacing), i.ndim)],
    "hessian_trace": laplacian,
    "sobel": sobel,
    "local_mean": of_box(ndimage.uniform_filter),
    "local_std": lambda image, sigma, spacing: [np.sqrt(variance(image, sigma, spacing)[0])],
    "local_variance": variance,
    "minimum": of_box(ndimage.minimum_filter),
    "maximum": of_box(ndimage.maximum_filter),
    "median": of_box(ndimage.median_filter),
    "white_top_hat": of_box(ndimage.white_tophat),
    "black_top_hat": of_box(ndimage.black_tophat),
    "entropy": entropy,
    "gabor": gabor,
    "membrane_projections": membranes,
    "local_binary_pattern": binary_pattern,
    "position": position,
    **{f"difference_of_scales_{ratio}": of_scales(ratio) for ratio in (2, 4, 8, 16)},
    "gaussian_blur": lambda image, sigma, spacing: [apoc_blur(image, sigma, spacing)],
    "difference_of_gaussian": apoc_difference,
    "laplace_box_of_gaussian_blur": apoc_laplace_box,
    "sobel_of_gaussian_blur": apoc_sobel,
}
