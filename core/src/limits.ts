/** Every limit of formats and protocol, with its unit in its name, and how they stand to each other. */

const KiB = 1024
const MiB = 1024 * KiB

/** Content-defined chunking: no chunk but a file's last is shorter, none is longer. */
export const CHUNK_MIN_BYTES = 64 * KiB
export const CHUNK_TARGET_BYTES = 256 * KiB
export const CHUNK_MAX_BYTES = 4 * MiB

/** A stored chunk: codec byte, data, Padmé padding (at most 12 %, far less at this size), tag. */
export const STORED_CHUNK_MAX_BYTES = CHUNK_MAX_BYTES + CHUNK_MAX_BYTES / 8 + 64

/** A pack's stored bytes. A pack closes before it would pass this. */
export const PACK_MAX_BYTES = 16 * MiB
export const PACK_MAX_CHUNKS = 16_384

/** Entries of a chunk list kept in the record itself; longer lists become sealed nodes. */
export const LIST_INLINE_ENTRIES = 256
/** Entries in one sealed list node (about 100 bytes each). */
export const LIST_NODE_ENTRIES = 4_096
export const LIST_MAX_DEPTH = 3
/** Ids of a clear list kept in the record itself, and in one clear list node (32 bytes each). */
export const REFS_INLINE_IDS = 512
export const REFS_NODE_IDS = 8_192
export const REFS_MAX_DEPTH = 3

/** One record as it travels and rests. */
export const RECORD_MAX_BYTES = 256 * KiB
export const BATCH_MAX_RECORDS = 1_000
export const BATCH_MAX_BYTES = 8 * MiB
export const VECTOR_MAX_WRITERS = 1_024

/** One page of changes, history or log. */
export const PAGE_MAX_RECORDS = 1_000
export const PAGE_MAX_BYTES = 8 * MiB
/** Steps of a zone's history in one answer (80 bytes each). */
export const STEPS_PAGE_MAX = 65_536
/** Chunk ids in one question (missing, fetch). */
export const CHUNK_IDS_MAX = 4_096
/** Stored bytes one fetch may ask for. */
export const FETCH_MAX_BYTES = 32 * MiB

/** An address for a direct read: a presigned one has some 600 characters. */
export const ADDRESS_MAX_CHARACTERS = 4_096
/** How long such an address is good for: all who ask within one period get the same, which lasts for two. */
export const ADDRESS_PERIOD_SECONDS = 600
/** Fewer stored bytes than these are not worth the way to another host. */
export const DIRECT_READ_MIN_BYTES = 256 * KiB

/** An announcement carries the records of a commit up to this size; the receiver asks for larger ones. */
export const LIVE_NEWS_MAX_BYTES = 64 * KiB
export const LIVE_HEARTBEAT_SECONDS = 30
/** What the server will hold for a receiver that does not read. */
export const LIVE_UNREAD_MAX_BYTES = 1 * MiB

/** Bounded CBOR. */
export const CBOR_MAX_DEPTH = 16
/** Values and keys together; the largest message, a page of full records, has half as many. */
export const CBOR_MAX_ITEMS = 1_048_576
export const CBOR_MAX_BYTES = 16 * MiB

/** A name is one path component of at most this many bytes of UTF-8. */
export const NAME_MAX_BYTES = 255
export const LINK_TARGET_MAX_BYTES = 4_096
export const ACCOUNT_NAME_MAX_CHARACTERS = 64
export const DEVICE_NAME_MAX_CHARACTERS = 64
export const PASSWORD_MIN_CHARACTERS = 8

/** A new account's quota, stored bytes with history. */
export const QUOTA_DEFAULT_BYTES = 5_368_709_120
export const HISTORY_DAYS = 30
export const ACCESS_TOKEN_SECONDS = 3_600
export const ENROL_TOKEN_SECONDS = 900

/** The password hash a client insists on, whatever a server says (RFC 9106 §4, second choice). */
export const ARGON2ID_MEMORY_KIB = 64 * KiB
export const ARGON2ID_PASSES = 3
export const ARGON2ID_LANES = 4
