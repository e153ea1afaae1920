/** Models of the corpus of whose tensors a file does not say all, and why; by source and name. All else must be told right. */
export const UNDECIDABLE: Readonly<Record<string, string>> = {
  'blocks/activations-fixed': 'a number of an activation, folded, whose note no optimizer kept',
  'blocks/activations-learned': 'parameters of one module that begin equal, merged',
  'blocks/anchors': 'buffers that are called as parameters are',
  'blocks/attention-with-bias-kv': 'thirds of one bias, all zero, folded apart',
  'blocks/distribution-focal': 'a frozen weight, which is a parameter that takes no gradient',
  'blocks/equal-twins': 'modules that begin equal beside buffers of zeros and ones',
  'blocks/fourier-fixed': 'a random matrix that is not learned',
  'blocks/gates': 'a share taken from one, folded',
  'blocks/knowledge-embedding': 'a buffer that is called as parameters are',
  'blocks/learned-queries': 'thirds of one bias, all zero, folded apart',
  'blocks/mel-front-end': 'a number rounded to half precision',
  'blocks/norms-plain':
    'ones and zeros where nothing is learned; statistics that a frozen normalisation keeps',
  'blocks/positions-sinusoidal-tuned': 'a learned table that begins as sines, beside a frozen one',
  'blocks/retina-head': 'normalisations of their own, folded into a convolution that is shared',
  'blocks/rms-norm-by-hand': 'a learned epsilon, folded',
  'blocks/rnn-no-bias': 'the product of a state of zeros, folded',
  'blocks/rotary': 'angles rounded to half precision',
  'blocks/spectral-norm-old': 'buffers that are called as weights are',
  'blocks/state-space': 'steps written out by the exporter, their initial values merged',
  'blocks/transformer-decoder-causal': 'layers that begin as clones, without names of modules',
  'blocks/transformer-encoder': 'layers that begin as clones, without names of modules',
  'blocks/uncertainty-weights': 'a fixed temperature merged with a learned one',
  'blocks/vector-quantiser': 'a codebook that follows by averages',
  'keras/frozen': 'a frozen weight, which is a variable that takes no gradient',
  'torchvision/swin-v2': 'biases that are zero, merged by name',
  'transformers/audio-spectrogram': 'two tokens of zeros, merged',
  'transformers/distilbert': 'a learned table that begins as sines',
  'transformers/funnel': 'a mask, computed beforehand',
  'transformers/mamba': 'the logarithm of a range, which is learned',
  'transformers/mpnet': 'one table, computed beforehand for each layer',
  'transformers/t5-encoder': 'one table, computed beforehand for each layer',
};

/** Sources whose fitted tables (components, neighbours, kernels) are not told from weights. */
export const FITTED = new Set(['sklearn']);
