import type { PickleFinding, ScanVerdict } from '@nabla/api/model-format'
import type { PickleScan } from './pickle.ts'
import { bounds, shown } from './reader.ts'

/** Modules by which loading a pickle runs commands, reads and writes files, or reaches the network. */
const dangerousModules = new Set(
  (
    'os posix nt posixpath ntpath subprocess sys socket shutil runpy importlib imp ctypes pty commands code codeop ' +
    'webbrowser asyncio multiprocessing http urllib urllib2 requests httpx aiohttp ftplib smtplib telnetlib poplib ' +
    'imaplib xmlrpc pickle _pickle cPickle dill marshal shelve bdb pdb trace timeit profile cProfile doctest pydoc ' +
    'tempfile glob fileinput io _io pathlib2 signal threading _thread concurrent pip setuptools distutils ensurepip venv ' +
    'zipimport pkgutil types inspect gc mmap fcntl resource platform antigravity idlelib test unittest nose pytest ' +
    'linecache tokenize sqlite3 zipfile tarfile logging cloudpickle'
  ).split(' '),
)

/** Builtins that only make values. */
const plainBuiltins = new Set(
  (
    'set frozenset list dict tuple int float str bytes bytearray complex bool slice range object type NoneType ' +
    'Ellipsis long unicode Exception ValueError'
  ).split(' '),
)

/** Names that models are made of, or the modules that have them (those end with a dot). */
const knownNames = (
  'collections.OrderedDict collections.defaultdict collections.deque collections.Counter ' +
  'copyreg._reconstructor copy_reg._reconstructor _codecs.encode datetime. decimal.Decimal ' +
  'uuid.UUID fractions.Fraction array.array array._array_reconstructor pathlib.Path ' +
  'pathlib.PosixPath pathlib.PurePosixPath pathlib.WindowsPath numpy.ndarray numpy.dtype ' +
  'numpy.matrix numpy.bool_ numpy.float64 numpy.int64 numpy.core.multiarray._reconstruct ' +
  'numpy.core.multiarray.scalar numpy.dtypes. numpy.ma.core. numpy._core.multiarray._reconstruct ' +
  'numpy._core.multiarray.scalar numpy.core.numeric._frombuffer numpy._core.numeric._frombuffer ' +
  'numpy.random._pickle. numpy.random._mt19937. numpy.random._pcg64. numpy.random.bit_generator. ' +
  'scipy.sparse. scipy.interpolate. scipy.spatial. scipy.stats. sklearn. ' +
  'joblib.numpy_pickle.NumpyArrayWrapper joblib.numpy_pickle.NDArrayWrapper xgboost.core.Booster ' +
  'xgboost.sklearn. lightgbm.basic.Booster lightgbm.sklearn. catboost.core. pandas.core. ' +
  'pandas._libs. pandas.DataFrame pandas.Series torch._utils._rebuild_ torch.nn.modules. ' +
  'torch.nn.parameter. torch.storage. torch._tensor. torch.Size torch.device torch.dtype ' +
  'torch.Tensor torch.nn.utils.parametrizations. torch.serialization._get_layout torch.optim. ' +
  'torch.jit._pickle. __torch__. torch.ao.nn. torchvision.models. torchvision.ops. ' +
  'torchvision.transforms.'
).split(' ')

/** Names of modules that are known else, and yet do more than make values. */
const dangerousNames = (
  'torch.hub. torch.load torch.serialization.load torch.storage._load_from_bytes joblib.load ' +
  'torch.utils. torch.distributed. torch.jit. torch._inductor. torch._dynamo. torch.package. ' +
  'numpy.load numpy.f2py. numpy.testing. numpy.distutils. numpy.save numpy.fromfile pandas.read_ ' +
  'pandas.io. pandas.core.computation. pandas.eval sklearn.utils._testing. sklearn.datasets. ' +
  'sklearn.externals. operator.attrgetter operator.methodcaller functools.reduce'
).split(' ')

/** What a name of a pickle means for whoever loads it. What nobody knows is suspicious. */
export function judgeName(name: string): ScanVerdict {
  const [root = ''] = name.split('.')
  if (name.startsWith('torch.jit._pickle.')) return 'clean'
  if (root === 'builtins' || root === '__builtin__') {
    const own = name.slice(root.length + 1)
    return plainBuiltins.has(own) ? 'clean' : 'dangerous'
  }
  if (dangerousModules.has(root) || matches(dangerousNames, name)) return 'dangerous'
  // A dotted name reaches through what it imports to anything behind it, as in `sklearn.x.os.system`.
  if (/\.(os|sys|subprocess|builtins|__\w+__|eval|exec|system|popen|open)(\.|$)/.test(name)) return 'dangerous'
  if (/^torch\.\w+Storage$/.test(name) || plainTorch.has(name)) return 'clean'
  return matches(knownNames, name) ? 'clean' : 'suspicious'
}

const plainTorch = new Set(
  'float16 float32 float64 bfloat16 int8 int16 int32 int64 uint8 bool complex64 complex128 half float double long'
    .split(' ')
    .map((name) => `torch.${name}`),
)

const matches = (names: readonly string[], name: string): boolean =>
  names.some((known) => (known.endsWith('.') || known.endsWith('_') ? name.startsWith(known) : name === known))

/** The worst of several verdicts. */
export function worst(verdicts: Iterable<ScanVerdict>): ScanVerdict {
  const all = new Set(verdicts)
  return all.has('dangerous') ? 'dangerous' : all.has('suspicious') ? 'suspicious' : 'clean'
}

/** What there is to say of a pickle. One that breaks off has done by then what it was made for. */
export function toFinding(path: string, { imports, problem }: PickleScan): PickleFinding {
  const judged = imports.map((name) => ({ name: shown(name, 200), verdict: judgeName(name) }))
  const order: ScanVerdict[] = ['dangerous', 'suspicious', 'clean']
  judged.sort((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict) || (a.name < b.name ? -1 : 1))
  const verdict = worst([...judged.map((one) => one.verdict), problem === null ? 'clean' : 'suspicious'])
  return { path: shown(path, 1000), verdict, imports: judged.slice(0, bounds.imports), reason: problem }
}
