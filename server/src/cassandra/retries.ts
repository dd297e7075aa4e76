/** What is asked again of a cluster that did not answer in time. */
import cassandra from 'cassandra-driver'

/** Cassandra waits two seconds for its copies; one that flushes or compacts on a busy machine takes longer now and then. */
const RETRIES_MAX = 2
const { RetryPolicy } = cassandra.policies.retry

type Info = Parameters<InstanceType<typeof RetryPolicy>['onWriteTimeout']>[0]

/**
 * Statements that timed out are repeated: the driver asks about writes only where they were said to be idempotent, which
 * transactions never are.
 */
export class PatientRetries extends RetryPolicy {
  override onReadTimeout(info: Info, consistency: cassandra.types.consistencies) {
    return this.#again(info, consistency)
  }

  override onWriteTimeout(info: Info, consistency: cassandra.types.consistencies) {
    return this.#again(info, consistency)
  }

  #again({ nbRetry }: Info, consistency: cassandra.types.consistencies) {
    return nbRetry < RETRIES_MAX ? this.retryResult(consistency) : this.rethrowResult()
  }
}
