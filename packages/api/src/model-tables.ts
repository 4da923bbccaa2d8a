/** What the models of all formats are called, and what can be said of a version. */

export const modelFormats = {
  onnx: { label: 'ONNX', about: 'A graph of operators in protobuf, with tensors inside or in files beside it.' },
  tensorflow: { label: 'TensorFlow SavedModel', about: '`saved_model.pb` with `variables/` beside it.' },
  keras: { label: 'Keras', about: 'A `.keras` archive of Keras 3.' },
  'keras-h5': { label: 'Keras HDF5', about: 'A model of Keras in one HDF5 file, as older versions write it.' },
  pytorch: { label: 'PyTorch', about: 'A `.pt` archive with a pickle: its opcodes are read, nothing is unpickled.' },
  torchscript: { label: 'TorchScript', about: 'A `.pt` archive with compiled code.' },
  safetensors: { label: 'safetensors', about: 'Tensors behind a header of JSON.' },
  gguf: { label: 'GGUF', about: 'Tensors and metadata for llama.cpp and its kin.' },
  sklearn: { label: 'scikit-learn', about: 'A pickle of scikit-learn, told by an `MLmodel` or by what it imports.' },
  xgboost: { label: 'XGBoost', about: 'A model of XGBoost in JSON or UBJSON.' },
  mlflow: { label: 'MLflow', about: 'A folder with an `MLmodel` of a flavour that has no line of its own here.' },
  pickle: { label: 'Pickle', about: 'A pickle: its opcodes are read, nothing is unpickled.' },
  custom: { label: 'Custom', about: 'Anything else; `gradient-model-metadata.json` may describe it.' },
} as const

export type ModelFormat = keyof typeof modelFormats

/** What a look at the pickles of a model came to; the worst of its files counts. */
export const scanVerdicts = {
  clean: { label: 'Clean', about: 'It holds no pickle, or none that imports more than what models are made of.' },
  suspicious: { label: 'Suspicious', about: 'A pickle imports what models are not usually made of, or is not whole.' },
  dangerous: {
    label: 'Dangerous',
    about: 'Loading a pickle of it would run commands, open files or reach the network.',
  },
} as const

export type ScanVerdict = keyof typeof scanVerdicts

export const modelVersionStates = {
  preparing: { ended: false, label: 'Preparing', about: 'Its files are being taken in and read.' },
  ready: { ended: true, label: 'Ready', about: 'Complete; its files never change again.' },
  failed: { ended: true, label: 'Failed', about: 'Its files could not be taken in; the reason says why.' },
} as const

export type ModelVersionState = keyof typeof modelVersionStates

/** What a project asks of the versions that its jobs use. */
export const modelRules = {
  any: 'Any version may be used.',
  scanned: 'Only versions in which no dangerous or suspicious pickle was found.',
  signed: 'Only versions that a key of the team has signed.',
} as const

export type ModelRule = keyof typeof modelRules
