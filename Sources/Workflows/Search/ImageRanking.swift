import SampleCatalog
import Samples
import VectorIndex

/// Ranks samples: by their vectors, each once however many tiles and captions it has, and together with caption text.
struct ImageRanking {
    /// A sample that was found, with the vector that found it.
    struct Match {
        /// The view that fits best; the image itself where only caption text did.
        let identity: VectorIdentity
        /// The cosine, or for fused rankings the sum of 1 / (60 + rank).
        let score: Float
        let box: PixelBox?
        let sample: CatalogSample
    }

    /// Matches, best first, and how they were found.
    struct Outcome {
        var matches: [Match]
        var mode: String
        var recall: Double?
        var recallTruth: IndexCalibration.Truth?
    }

    /// The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009).
    static let fusionConstant = 60.0
    /// Least number of samples of each ranking that are fused.
    static let fusedCount = 1000
    private static let pieceCount = 1024

    let reader: IndexReader
    let catalog: SampleCatalog
    let session: Session
    let filter: SampleSet?
    let mode: SearchMode
    /// Hits whose vectors have at least this cosine with those of better hits are left out.
    let duplicateSimilarity: Float?

    /// The samples whose vectors of these kinds are nearest: min(count, samples that match), near duplicates apart.
    func samples(near query: [Float], count: Int, kinds: VectorKinds) async throws -> Outcome {
        // Tiles and captions of one sample fall together, so more of them may have to be looked at.
        var neighborCount = min(count * (kinds == .images && duplicateSimilarity == nil ? 1 : 4), reader.rowCount)
        var mode = mode
        while true {
            let answer = try await reader.search(
                VectorIndex.SearchRequest(
                    space: reader.space, dimension: query.count, queries: query, neighborCount: neighborCount,
                    kinds: kinds, filter: filter.map(RowFilter.init)), mode: mode, on: session.pool)
            let found = answer.hits.first ?? []
            let matches = try distinct(found, count: count)
            if matches.count >= count || found.count < neighborCount || neighborCount >= reader.rowCount {
                return Outcome(
                    matches: matches, mode: answer.mode, recall: answer.recall, recallTruth: answer.recallTruth)
            }
            neighborCount = min(4 * neighborCount, reader.rowCount)
            // What was measured for few neighbours says nothing about more; to score every vector is enough for any wish.
            if case .recall = mode { mode = .exact }
        }
    }

    /// The best hit of each sample that the catalog knows, without near duplicates, until there are `count`.
    private func distinct(_ hits: [VectorIndex.SearchHit], count: Int) throws -> [Match] {
        var seen: Set<SampleIdentity> = []
        let best = hits.filter { seen.insert($0.identity.sample).inserted }
        var matches: [Match] = []
        var keptVectors: [[Float]] = []
        // In pieces, so that memory is that of the matches and not of all hits.
        for start in stride(from: 0, to: best.count, by: Self.pieceCount) where matches.count < count {
            let piece = Array(best[start..<min(best.count, start + Self.pieceCount)])
            let vectors = try duplicateSimilarity == nil ? [] : reader.mutualVectors(of: piece)
            // A sample that the catalog no longer has is in the index only until the next 'embed'.
            for (position, sample) in try catalog.samples(piece.map(\.identity.sample)).enumerated() {
                guard let sample, matches.count < count else { continue }
                if let duplicateSimilarity {
                    let vector = vectors[position]
                    guard keptVectors.allSatisfy({ Self.product($0, vector) < duplicateSimilarity }) else { continue }
                    keptVectors.append(vector)
                }
                let hit = piece[position]
                matches.append(Match(identity: hit.identity, score: hit.score, box: hit.box, sample: sample))
            }
        }
        return matches
    }

    private static func product(_ left: [Float], _ right: [Float]) -> Float {
        var sum: Float = 0
        for index in left.indices { sum += left[index] * right[index] }
        return sum
    }

    /// Fuses the ranking of image vectors with that of caption text by their ranks.
    func samples(near query: [Float], withCaption text: String, count: Int) async throws -> Outcome {
        let depth = max(Self.fusedCount, 4 * count)
        var outcome = try await samples(near: query, count: depth, kinds: .images)
        let captions = try captionMatches(text, count: depth)
        var scores: [SampleIdentity: Double] = [:]
        for list in [outcome.matches.map(\.identity.sample), captions] {
            for (position, sample) in list.enumerated() {
                scores[sample, default: 0] += 1 / (Self.fusionConstant + Double(position + 1))
            }
        }
        let byVector = Dictionary(uniqueKeysWithValues: outcome.matches.map { ($0.identity.sample, $0) })
        let ordered = scores.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }.prefix(count)
        let samples = try catalog.samples(ordered.map(\.key))
        outcome.matches = zip(ordered, samples).compactMap { entry, sample in
            sample.map {
                let match = byVector[entry.key]
                return Match(
                    identity: match?.identity ?? VectorIdentity(sample: entry.key, view: .image),
                    score: Float(entry.value), box: match?.box, sample: $0)
            }
        }
        outcome.mode += " and captions by BM25"
        return outcome
    }

    private func captionMatches(_ text: String, count: Int) throws -> [SampleIdentity] {
        let limit = filter == nil ? count : SampleCatalog.rankedCaptionCount
        var found: CaptionMatches
        do {
            found = try catalog.samples(withCaption: text, limit: limit)
            if found.unindexedShards > 0 {
                try DatasetWorkflow.indexCaptions(session)
                found = try catalog.samples(withCaption: text, limit: limit)
            }
        } catch let error as CatalogError where error.code == .filterInvalid {
            session.note("the query has no word to look for in captions; images alone are ranked")
            return []
        }
        if found.unindexedShards > 0 {
            session.note("the captions of \(found.unindexedShards) shards are not indexed yet and were not searched")
        }
        if !found.isExhaustive {
            session.note("too many captions hold these words: the first \(SampleCatalog.rankedCaptionCount) are ranked")
        }
        let samples = found.matches.map(\.identity)
        return Array((filter.map { set in samples.filter(set.contains) } ?? samples).prefix(count))
    }
}

extension RowFilter {
    /// The rows of these samples.
    init(_ samples: SampleSet) {
        self.init()
        for entry in samples.shards {
            insert(ShardIdentity(dataset: entry.dataset, shard: entry.shard), samples: .ordinals(entry.ordinals))
        }
    }
}

extension QueryExpression {
    /// The words that captions should hold: those of the texts that are wanted; `nil` if there are none.
    var captionText: String? {
        let texts = terms.compactMap { term -> String? in
            guard case .text(let text) = term.content, term.weight > 0 else { return nil }
            return text
        }
        return texts.isEmpty ? nil : texts.joined(separator: " ")
    }
}
