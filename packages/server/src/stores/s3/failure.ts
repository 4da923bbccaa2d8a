/** Why a request to an S3 store failed: in its words, or, with status 0, in those of the network. */
export interface S3Failure {
  status: number
  /** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; empty if the answer names none. */
  code: string
  detail: string
  /** Where the bucket is, if the answer says so. */
  region?: string
}

/** Codes that mean: the time of the request is too far from that of the store. */
export const skewCodes: ReadonlySet<string> = new Set(['RequestTimeTooSkewed', 'RequestExpired'])

/** Whether the same request may succeed a moment later. */
export function isPassing({ status, code }: S3Failure): boolean {
  if (status === 0) return !lastingNetworkCodes.test(code)
  return status >= 500 || status === 429 || status === 408 || passingCodes.has(code)
}

/** For people: what is wrong, and where. Names no key. */
export function reasonOf(failure: S3Failure, { endpoint, region, bucket }: Place): string {
  const { status, code, detail } = failure
  switch (code) {
    case 'InvalidAccessKeyId':
    case 'XAdminUserNotFound': // what versitygw calls it
    case 'InvalidToken':
    case 'ExpiredToken':
      return `${endpoint} does not know the access key, or it has expired (${code})`
    case 'SignatureDoesNotMatch':
      return `the secret key does not fit the access key (${endpoint} answers ${code})`
    case 'AccessDenied':
      return `the access key may not do this in the bucket ${bucket} (AccessDenied)`
    case 'NoSuchBucket':
      return `there is no bucket ${bucket} at ${endpoint}`
    case 'RequestTimeTooSkewed':
    case 'RequestExpired':
      return `the clock of this machine and that of ${endpoint} differ by too much (${code})`
    case 'AuthorizationHeaderMalformed':
    case 'PermanentRedirect':
    case 'IllegalLocationConstraintException':
      return `the bucket ${bucket} is in ${failure.region ? `the region ${failure.region}` : 'another place'}, not in ${region} at ${endpoint} (${code})`
    default:
  }
  if (status === 0) return `${endpoint} cannot be reached: ${networkReasons[code] ?? code}`
  return `${endpoint} answered ${[status, code, detail].filter((part) => part !== '').join(' ')}`
}

interface Place {
  endpoint: string
  region: string
  bucket: string
}

const passingCodes = new Set(['SlowDown', 'RequestTimeout', 'InternalError', 'ServiceUnavailable', 'OperationAborted'])

/** A name that does not exist, a certificate that is not valid, and an address that cannot be. */
const lastingNetworkCodes = /^(ENOTFOUND|.*CERT.*|ERR_TLS.*|ERR_SSL.*|ERR_INVALID_URL|UNABLE_TO_.*)$/

const networkReasons: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such name',
  ECONNRESET: 'it closes the connection',
  UND_ERR_SOCKET: 'it closes the connection',
  ETIMEDOUT: 'it does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  Timeout: 'it does not answer in time',
}
