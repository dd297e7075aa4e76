/** What is asked again of a cluster that did not answer in time. */
import cassandra from 'cassandra-driver'

/**
 * Cassandra waits for its copies, two seconds for a write, five for a read; one that flushes or compacts on a busy machine takes
 * longer now and then. Where they are gone, nobody should wait much longer to hear of it.
 */
const RETRIES_MAX = 1
const { RetryPolicy } = cassandra.policies.retry

type Info = Parameters<InstanceType<typeof RetryPolicy>['onWriteTimeout']>[0]

/**
 * Statements that timed out are made once more: the driver asks about writes only where they were said to be idempotent, which
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
