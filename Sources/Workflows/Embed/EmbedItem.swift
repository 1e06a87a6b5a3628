import SampleCatalog
import Samples
import VectorIndex

/// A piece of one chunk's work that one thread does by itself: decode, preprocess, encode.
struct EmbedItem: Sendable {
    /// What is encoded.
    enum Work: Sendable {
        /// One slice of images, with what their vectors are kept under for others like them.
        case images([(sample: CatalogSample, content: ImageContent?)])
        /// Captions of one chunk, no text twice.
        case captions([(sample: CatalogSample, number: Int, text: String)])
    }

    /// A vector of the chunk that is computed for another sample.
    struct Copy: Sendable {
        enum Source: Sendable {
            case image(ImageContent)
            /// A caption of the same chunk: ordinal and view.
            case caption(UInt32, SampleView)
        }

        let sample: CatalogSample
        let view: SampleView
        let source: Source
    }

    /// Ordinal of the chunk's first sample.
    let firstOrdinal: UInt32
    /// Number of consecutive ordinals the chunk covers.
    let sampleCount: Int
    /// Whether every sample has a file of its own.
    let isFolder: Bool
    /// The work.
    let work: Work
    /// Whether the chunk is whole once this piece and the copies are done.
    let isLastOfChunk: Bool
    /// Whether the shard is done with that chunk.
    var isLastOfShard = false
    /// What of the chunk is not computed; with its last piece.
    var copies: [Copy] = []
}

/// What came out of an `EmbedItem`.
struct EmbedResult: Sendable {
    var item: EmbedItem
    var rows: [EmbeddingRow] = []
    /// Of images, what the rows' vectors are kept under.
    var contents: [ImageContent?] = []
    /// [rows, E] row-major.
    var vectors: [Float] = []
    var failures: [QuarantineRecord] = []
    var truncatedCaptionCount = 0
    var profile = EmbedProfile()
}
