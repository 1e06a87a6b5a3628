import SampleCatalog
import Samples
import Synchronization

/// What decides the vector of an image: its bytes, and how it is turned.
struct ImageContent: Hashable, Sendable {
    let digest: Digest
    let orientation: ImageOrientation
}

/// Vectors of images that are in the catalog more than once, so that each is computed once.
///
/// The plan asks, in order, whether an image is to be computed or will have been by the time it is needed; whoever gathers
/// the results, in the same order, stores and looks up. Memory depends on repetition alone; what is not remembered is
/// computed again, with the same bits.
final class RepeatedImages: Sendable {
    /// Images whose vectors are kept.
    static let capacity = 65_536
    /// Digests that are known to repeat; of more, some images are computed again.
    static let digestCapacity = 4_000_000

    private struct State {
        var planned: Set<ImageContent> = []
        var vectors: [ImageContent: [Float]] = [:]
    }

    /// What a plan makes of an image.
    enum Plan {
        /// It is computed, and kept under its content if there is one.
        case compute(ImageContent?)
        /// It was planned before.
        case copy(ImageContent)
    }

    private let prefixes: Set<UInt64>
    private let state = Mutex(State())

    /// No image is known to repeat.
    static let none = RepeatedImages(prefixes: [])

    /// Those of a catalog.
    convenience init(catalog: SampleCatalog) throws {
        self.init(prefixes: Set(try catalog.repeatedDigestPrefixes(limit: RepeatedImages.digestCapacity)))
    }

    private init(prefixes: Set<UInt64>) {
        self.prefixes = prefixes
    }

    /// Plans the image of a sample.
    func plan(_ sample: CatalogSample) -> Plan {
        guard !sample.digest.isOfUnreadBytes, prefixes.contains(sample.digest.prefix64) else { return .compute(nil) }
        let content = ImageContent(digest: sample.digest, orientation: sample.orientation)
        return state.withLock { state in
            if state.planned.contains(content) { return .copy(content) }
            guard state.planned.count < RepeatedImages.capacity else { return .compute(nil) }
            state.planned.insert(content)
            return .compute(content)
        }
    }

    /// Keeps a vector for later.
    func store(_ content: ImageContent, vector: [Float]) {
        state.withLock { $0.vectors[content] = vector }
    }

    /// The vector of a content; `nil` if it was not computed, because a file failed.
    func vector(of content: ImageContent) -> [Float]? {
        state.withLock { $0.vectors[content] }
    }

    /// Takes back what was planned and not computed: a shard was given up.
    func forgetUnfinished() {
        state.withLock { $0.planned = Set($0.vectors.keys) }
    }
}
