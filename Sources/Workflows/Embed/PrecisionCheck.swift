import Encoders
import PipelineEngine
import SampleCatalog

/// How close vectors of a faster precision are to those of Float32, measured on the first samples that are to be embedded.
public struct PrecisionFidelity: Sendable, Equatable {
    /// Mean cosine below which a precision is refused.
    public static let meanBound = 0.999
    /// First percentile of the cosines below which it is refused.
    public static let firstPercentileBound = 0.995
    /// Mean share of the nearest neighbours that stay below which it is refused.
    public static let agreementBound = 0.95
    /// Nearest neighbours looked at.
    static let neighbourCount = 10

    /// Vectors compared.
    public let count: Int
    /// Of the cosines between both vectors of a sample.
    public let mean: Double
    /// The cosine that one in a hundred falls below.
    public let firstPercentile: Double
    /// The smallest cosine.
    public let worst: Double
    /// The mean share of each vector's ten nearest others (fewer if there are fewer) that are its nearest in the other
    /// precision too.
    public let agreement: Double

    /// Compares unit-length rows [count, dimension].
    public init(exact: [Float], fast: [Float], dimension: Int) {
        precondition(dimension > 0 && exact.count == fast.count && exact.count.isMultiple(of: dimension))
        let count = exact.count / dimension
        self.count = count
        let cosines = (0..<count).map { Self.product(exact, $0, fast, $0, dimension) }.sorted()
        mean = cosines.reduce(0, +) / Double(max(1, count))
        firstPercentile = cosines.isEmpty ? 1 : cosines[count / 100]
        worst = cosines.first ?? 1
        let wanted = min(Self.neighbourCount, count - 1)
        guard wanted > 0 else {
            agreement = 1
            return
        }
        var kept = 0
        for row in 0..<count {
            let neighbours = [exact, fast].map { Self.neighbours(of: row, in: $0, count, dimension, wanted) }
            kept += neighbours[0].intersection(neighbours[1]).count
        }
        agreement = Double(kept) / Double(count * wanted)
    }

    /// Whether no bound is missed.
    public var isGood: Bool {
        count == 0
            || mean >= Self.meanBound && firstPercentile >= Self.firstPercentileBound
                && agreement >= Self.agreementBound
    }

    /// The figures for people and records.
    public var text: String {
        func digits(_ value: Double) -> String { "\((value * 1e5).rounded() / 1e5)" }
        return "cosine mean \(digits(mean)), 1st percentile \(digits(firstPercentile)), worst \(digits(worst)), "
            + "top-\(Self.neighbourCount) agreement \(digits(agreement)) over \(count)"
    }

    private static func product(_ left: [Float], _ l: Int, _ right: [Float], _ r: Int, _ dimension: Int) -> Double {
        var sum: Float = 0
        for place in 0..<dimension { sum += left[l * dimension + place] * right[r * dimension + place] }
        return Double(sum)
    }

    private static func neighbours(
        of row: Int, in vectors: [Float], _ count: Int, _ dimension: Int, _ wanted: Int
    ) -> Set<Int> {
        let others = (0..<count).filter { $0 != row }.map {
            (index: $0, score: product(vectors, row, vectors, $0, dimension))
        }
        return Set(others.sorted { ($1.score, $0.index) < ($0.score, $1.index) }.prefix(wanted).map(\.index))
    }
}

/// The measurement of a precision or a way of decoding before a run.
struct PrecisionCheck: Sendable {
    /// Samples that are compared.
    static let sampleCount = 256

    /// Of images, and of captions if those are embedded.
    let images: PrecisionFidelity
    let captions: PrecisionFidelity

    /// Embeds the first samples of `shards` both ways; throws `interrupted` after a requested stop.
    static func run(
        _ embedder: SampleEmbedder, against exact: SampleEmbedder, _ shards: [CatalogShard], catalog: SampleCatalog,
        embedsCaptions: Bool, in session: Session
    ) async throws -> PrecisionCheck {
        var items: [EmbedItem] = []
        var left = sampleCount
        let planError = FirstError()
        for shard in shards where left > 0 {
            let count = min(left, Int(shard.cursor.ordinal))
            items += EmbedPlan(
                catalog: catalog, repeatedImages: .none, shard: shard, foundCount: count, firstOrdinal: 0,
                imagesPerItem: embedder.encoder.imageSliceRowCount, embedsCaptions: embedsCaptions,
                shouldStop: { false }, reportFailure: { planError.note($0) })
            left -= count
        }
        try planError.rethrow()
        let results = try await session.pool.map(items) { [stop = session.stop] item in
            if stop.isStopRequested {
                throw WorkflowError(.interrupted, "stopped; the same command goes on where it was")
            }
            return (try exact(item), try embedder(item))
        }
        var vectors = (exactImages: [Float](), fastImages: [Float](), exactTexts: [Float](), fastTexts: [Float]())
        for (exact, fast) in results {
            if case .images = exact.item.work {
                vectors.exactImages += exact.vectors
                vectors.fastImages += fast.vectors
            } else {
                vectors.exactTexts += exact.vectors
                vectors.fastTexts += fast.vectors
            }
        }
        let dimension = embedder.encoder.embeddingDimension
        return PrecisionCheck(
            images: PrecisionFidelity(exact: vectors.exactImages, fast: vectors.fastImages, dimension: dimension),
            captions: PrecisionFidelity(exact: vectors.exactTexts, fast: vectors.fastTexts, dimension: dimension))
    }

    /// Throws `badData` with the figures where a bound is missed.
    func require(_ precision: Precision) throws {
        for (name, fidelity) in [("images", images), ("captions", captions)] where !fidelity.isGood {
            throw WorkflowError(
                .badData,
                "\(precision.rawValue) changes the vectors of \(name) too much: \(fidelity.text); mean, percentile and "
                    + "agreement must reach \(PrecisionFidelity.meanBound), \(PrecisionFidelity.firstPercentileBound) and "
                    + "\(PrecisionFidelity.agreementBound); use --precision fp32, or --accept-loss all the same")
        }
    }
}
