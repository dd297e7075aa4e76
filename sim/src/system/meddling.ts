/**
 * People and programs that act in the middle of what the client does: between any two of its changes, and between two
 * reads of one file. A clock would seldom let them meet.
 */
import type { Area, FileReader, Files } from '@pileus/client/files/files'

interface AtMoment {
  momentsLeft: number
  readonly act: () => void
}

interface AtRead {
  readonly identity: string
  readsLeft: number
  readonly act: () => void
}

export class Meddling {
  readonly #failed: (error: unknown) => void
  #atMoment: AtMoment | null = null
  #atReads: AtRead[] = []
  #acting = false

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  /** Does this once the client has made so many more changes of its disk or database. */
  afterMoments(moments: number, act: () => void): void {
    this.#atMoment = { momentsLeft: moments, act }
  }

  /** Does this once the client has read so often from the file with this identity. */
  afterReads(identity: string, reads: number, act: () => void): void {
    this.#atReads.push({ identity, readsLeft: reads, act })
  }

  calm(): void {
    this.#atMoment = null
    this.#atReads = []
  }

  /** The client changed something, or is about to. */
  moment(): void {
    const waiting = this.#atMoment
    if (!waiting || this.#acting || --waiting.momentsLeft > 0) return
    this.#atMoment = null
    this.#act(waiting.act)
  }

  /** The disk as the client has it. */
  seenBy(files: Files): Files {
    const read = (path: string) => this.#read(files.folder, path)
    const folder = withOwn(files.folder, { read })
    return withOwn(files, { folder })
  }

  #read(area: Area, path: string): FileReader {
    const reader = area.read(path)
    const { identity } = reader.stat()
    return {
      stat: () => reader.stat(),
      close: () => reader.close(),
      read: (into, position) => {
        const waiting = this.#atReads.find((one) => one.identity === identity)
        if (!waiting || this.#acting) return reader.read(into, position)
        const read = reader.read(into.subarray(0, Math.ceil(into.length / 2)), position)
        if (--waiting.readsLeft <= 0) {
          this.#atReads = this.#atReads.filter((one) => one !== waiting)
          this.#act(waiting.act)
        }
        return read
      },
    }
  }

  #act(act: () => void): void {
    this.#acting = true
    try {
      act()
    } catch (error) {
      this.#failed(error)
    } finally {
      this.#acting = false
    }
  }
}

/** The same thing, but for these parts of it. */
function withOwn<T extends object>(of: T, own: Partial<T>): T {
  return new Proxy(of, {
    get(target, name) {
      if (Object.hasOwn(own, name)) return own[name as keyof T]
      const part: unknown = Reflect.get(target, name, target)
      return typeof part === 'function' ? part.bind(target) : part
    },
  })
}
