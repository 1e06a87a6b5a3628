import ByteFormats
import CKernels
import PipelineEngine
import Samples
import TestSupport
import Testing

@testable import VectorIndex

@Suite struct CodedSearchTests {
    private func search(
        _ path: String, _ request: SearchRequest, mode: SearchMode = .exact, reading: FileReading = .mapped,
        level: Int32 = vlm_scan_level(), threadCount: Int = 2
    ) async throws -> SearchAnswer {
        let pool = ComputePool(threadCount: threadCount)
        defer { pool.shutdown() }
        let reader = try IndexReader(folder: path, cacheByteCount: 0, reading: reading, scanLevel: level)
        return try await reader.search(request, mode: mode, on: pool)
    }

    /// The promise of `full`: the answer of reading every vector, scores and ties included.
    @Test(arguments: [1, 31, 33, 257, 3000], [64, 100, 200])
    func fullEqualsBruteForce(count: Int, dimension: Int) async throws {
        let folder = try TemporaryFolder()
        // The second half repeats the first, so that every score ties.
        let half = CodedIndex.clustered((count + 1) / 2, dimension: dimension, seed: 1)
        let vectors = Array((half + half).prefix(count * dimension))
        let queries =
            CodedIndex.clustered(3, dimension: dimension, seed: 2) + TestVectors.unit(2, dimension: dimension, seed: 3)
            + Array(vectors.prefix(dimension))
        for k in [1, 10, 200] {
            let expected = CodedIndex.bruteForce(vectors, queries: queries, dimension: dimension, k: k)
            for isUnpacked in [false, true] {
                let path = folder.file("\(k)\(isUnpacked).vlx")
                try await CodedIndex.build(
                    vectors, dimension: dimension, profile: .full, isUnpacked: isUnpacked, at: path)
                let answer = try await search(path, CodedIndex.request(queries, dimension: dimension, k: k))
                #expect(answer.mode == "exact" && answer.poolSize == nil)
                for (query, hits) in answer.hits.enumerated() {
                    #expect(hits.map(\.id) == expected[query].map(\.id), "k \(k), query \(query)")
                    #expect(hits.map(\.score) == expected[query].map(\.score), "k \(k), query \(query)")
                    #expect(hits.allSatisfy { $0.key == "key\($0.id)" })
                }
            }
        }
    }

    /// Looking at every row with all its bits gives what bounds and 4 bits gave: nothing was dropped wrongly.
    @Test(arguments: [IndexProfile.lite, .std, .full])
    func boundsDropNothing(profile: IndexProfile) async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("i.vlx")
        let vectors = CodedIndex.clustered(5000, dimension: 96, seed: 7)
        try await CodedIndex.build(vectors, dimension: 96, profile: profile, at: path)
        // Queries of other lengths too: bounds scale with them.
        let queries =
            CodedIndex.clustered(20, dimension: 96, seed: 8).map { $0 * 3 }
            + TestVectors.unit(20, dimension: 96, seed: 9)
            + [Float](repeating: 0, count: 96)
        let request = CodedIndex.request(queries, dimension: 96, k: 17)
        let exact = try await search(path, request)
        let all = try await search(path, request, mode: .approximate(poolSize: 5000))
        #expect(all.mode == "approx" && all.poolSize == 5000)
        #expect(exact.hits == all.hits)
        #expect(exact.hits.allSatisfy { $0.count == 17 })
        let modes: [IndexProfile: String] = [
            .lite: "exact over 4-bit codes", .std: "exact over 8-bit codes", .full: "exact",
        ]
        #expect(exact.mode == modes[profile])
    }

    /// What half of a query's bits say of a row is never less than what all say, and little more.
    @Test(arguments: [IndexProfile.std, .full])
    func boundsFromHalfOfTheQueryHold(profile: IndexProfile) async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("i.vlx")
        let vectors = CodedIndex.clustered(256, dimension: 96, seed: 7)
        try await CodedIndex.build(vectors, dimension: 96, profile: profile, isUnpacked: true, at: path)
        let reader = try IndexReader(folder: path)
        let codec = try #require(reader.codec)
        let segment = reader.segments[0]
        let item = SearchPlan.Item(segment: 0, group: 0, mask: -1)
        let short = CodedIndex.clustered(8, dimension: 96, seed: 8)
        let queries = PreparedQueries(
            short + CodedIndex.clustered(8, dimension: 96, seed: 9).map { $0 * 5 }, codec: codec)
        let level = reader.scanLevel
        let buffers = ScanBuffers(level: level, queryCount: queries.count)
        var codeReader = CodeReader()
        var looseness: Float = 0
        let codes = try codeReader.codes(of: segment, group: 0, need: .all)
        buffers.scanHigh(codes, queries: queries, first: 0, count: queries.count)
        for query in 0..<queries.count {
            for row in 0..<codes.rowCount {
                let candidate = CodeCandidate(
                    query: query, item: item, row: row, highDot: buffers.dot(row, slot: query),
                    scale: codes.scale8(row), error: profile == .full ? codes.error8(row) : 0, longest: codes.longest8)
                var candidates = CodeCandidates()
                let low = unsafe try #require(codes.low)
                unsafe candidates.append(candidate, low: low + row * codes.width / 2)
                let dot = candidates.lowDots(queries, level: level)[0]
                let bits = unsafe try codeReader.row(row, of: segment, group: 0, codes: codes)
                let estimate = unsafe RowEstimate(
                    codes, row: row, bits: bits, queries: queries, query: query, level: level)
                let terms = queries.terms[query]
                let excess = candidate.bound(lowDot: dot, terms, profile: profile) - estimate.score - estimate.error
                #expect(excess >= 0, "query \(query), row \(row)")
                looseness = max(looseness, excess / terms.length)
            }
        }
        #expect(looseness < 0.03)
        print("\(queries.count * codes.rowCount) bounds hold, at most \(looseness) above (\(profile))")
    }

    /// No row whose estimate from signs reaches the threshold has a sum below the one that is asked for; where nothing is known
    /// of the scales, none is asked for.
    @Test func leastDotPassesOverNoRow() {
        let dimension = 96
        let vectors = CodedIndex.clustered(4, dimension: dimension, seed: 1)
        let codec = VectorCodec(mean: [Float](repeating: 0.05, count: dimension))
        let queries = PreparedQueries(vectors + vectors.map { $0 * -7 }, codec: codec)
        var generator = SeededGenerator(seed: 1, number: 0, purpose: "scales")
        var counts = (reached: 0, passedOver: 0)
        for terms in queries.terms {
            for threshold in [-2, -0.3, 0, 0.01, 0.2, 0.9, 3, .infinity] as [Float] {
                #expect(terms.leastDot(reaching: threshold, scale: .infinity) == .min)
                #expect(terms.leastDot(reaching: threshold, scale: .nan) == .min)
                let largest = Float(generator.uniform()) * 0.3
                let least = terms.leastDot(reaching: threshold, scale: largest)
                for _ in 0..<500 {
                    let dot = Int32(generator.integer(below: 14 * dimension + 1) - 7 * dimension)
                    let scale = largest * Float(generator.uniform())
                    let estimate = Float(terms.base) + scale * (Float(dot) * terms.planeStep)
                    if estimate >= threshold {
                        #expect(dot >= least)
                        counts.reached += 1
                    } else if dot < least {
                        counts.passedOver += 1
                    }
                }
            }
        }
        #expect(counts.reached > 1000 && counts.passedOver > 1000, "\(counts)")
    }

    /// One answer, however it is computed.
    @Test(arguments: [IndexProfile.lite, .std, .full])
    func answersDoNotDependOnTheMachine(profile: IndexProfile) async throws {
        let folder = try TemporaryFolder()
        let vectors = CodedIndex.clustered(2100, dimension: 72, seed: 4)
        let queries = CodedIndex.clustered(70, dimension: 72, seed: 6)
        let request = CodedIndex.request(queries, dimension: 72, k: 9)
        // With the small pool most blocks of rows are passed over where files are mapped.
        for mode in [SearchMode.exact, .approximate(poolSize: 300), .approximate(poolSize: 20)] {
            var answers: [[[SearchHit]]] = []
            for isUnpacked in [true, false] {
                let path = folder.file("\(isUnpacked).vlx")
                try await CodedIndex.build(vectors, dimension: 72, profile: profile, isUnpacked: isUnpacked, at: path)
                for level in 0...vlm_scan_level() {
                    for reading in FileReading.allCases {
                        answers.append(
                            try await search(path, request, mode: mode, reading: reading, level: level).hits)
                    }
                }
                answers.append(try await search(path, request, mode: mode, threadCount: 1).hits)
                let one = CodedIndex.request(Array(queries[0..<72]), dimension: 72, k: 9)
                #expect(try await search(path, one, mode: mode).hits[0] == answers[0][0])
            }
            #expect(answers.count > 4 && answers.allSatisfy { $0 == answers[0] }, "\(mode)")
            print(
                "\(answers.count) ways of searching, on \(vlm_scan_level() + 1) instruction sets, gave the same answers (\(mode))"
            )
        }
    }

    /// The bytes do not depend on the number of threads.
    @Test func buildsAreRepeatable() async throws {
        let folder = try TemporaryFolder()
        let vectors = CodedIndex.clustered(1500, dimension: 64, seed: 4)
        var states: [FolderState] = []
        for threadCount in [1, 2, 5] {
            let path = folder.file("\(threadCount).vlx")
            try await CodedIndex.build(
                vectors, dimension: 64, profile: .full, at: path, threadCount: threadCount)
            states.append(try Files.state(of: path))
        }
        #expect(states[0].count == 4 && states[0] == states[1] && states[1] == states[2])
    }

    @Test func recallOfTheTiers() async throws {
        let folder = try TemporaryFolder()
        let dimension = 128
        let vectors = CodedIndex.clustered(4000, dimension: dimension, seed: 11)
        let queries = CodedIndex.clustered(50, dimension: dimension, seed: 12)
        let expected = CodedIndex.bruteForce(vectors, queries: queries, dimension: dimension, k: 10)
        let request = CodedIndex.request(queries, dimension: dimension, k: 10)
        // Floors well below what was measured at this seed (0.84 for the pool of 100).
        for (profile, mode, floor) in [
            (IndexProfile.lite, SearchMode.exact, 0.8), (.std, .exact, 0.97), (.full, .exact, 1),
            (.std, .approximate(poolSize: 100), 0.78), (.full, .approximate(poolSize: 400), 0.97),
        ] {
            let path = folder.file("\(profile).vlx")
            try await CodedIndex.build(vectors, dimension: dimension, profile: profile, at: path)
            let hits = try await search(path, request, mode: mode).hits
            let found = zip(hits, expected).reduce(0) { sum, pair in
                sum + Set(pair.0.map(\.id)).intersection(pair.1.map(\.id)).count
            }
            #expect(Double(found) / 500 >= floor, "\(profile) \(mode): \(Double(found) / 500)")
        }
    }

    /// What was measured is printed and used, and forgotten when rows change.
    @Test func tuning() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("i.vlx")
        let vectors = CodedIndex.clustered(3000, dimension: 64, seed: 11)
        let queries = CodedIndex.clustered(30, dimension: 64, seed: 12)
        try await CodedIndex.build(vectors, dimension: 64, profile: .full, at: path)
        let request = CodedIndex.request(queries, dimension: 64, k: 10)
        let untuned = try await search(path, request, mode: .approximate(poolSize: nil))
        #expect(untuned.recall == nil && untuned.poolSize == 4096)
        let pool = ComputePool(threadCount: 2)
        defer { pool.shutdown() }
        let calibration = try await IndexReader(folder: path).calibration(
            queries: queries, neighborCount: 10, on: pool)
        #expect(calibration.points.first?.poolSize == 64 && calibration.points.last?.recall == 1)
        #expect(zip(calibration.points, calibration.points.dropFirst()).allSatisfy { $0.recall <= $1.recall })
        let truth = CodedIndex.bruteForce(vectors, queries: queries, dimension: 64, k: 10)
        for point in calibration.points {
            let hits = try await search(path, request, mode: .approximate(poolSize: point.poolSize)).hits
            let found = zip(hits, truth).reduce(0) { sum, pair in
                sum + Set(pair.0.map(\.id)).intersection(pair.1.map(\.id)).count
            }
            #expect(abs(Double(found) / 300 - point.recall) < 1e-9, "\(point)")
        }
        do {
            var writer = try IndexWriter.open(folder: path, space: VectorMatrix.space, dimension: 64)
            try writer.store(calibration)
            #expect(try writer.setPacking(isUnpacked: true) == 1 && writer.manifest.calibration == calibration)
        }
        let tuned = try await search(path, request, mode: .approximate(poolSize: nil))
        let expected = try #require(calibration.points.first { $0.recall >= 0.97 })
        #expect(tuned.poolSize == expected.poolSize && tuned.recall == expected.recall)
        #expect(try await search(path, request, mode: .approximate(poolSize: 63)).recall == nil)
        #expect(try await search(path, request).recall == nil)
        let more = CodedIndex.request(queries, dimension: 64, k: 11)
        #expect(try await search(path, more, mode: .approximate(poolSize: nil)).recall == nil)
        var writer = try IndexWriter.open(folder: path, space: VectorMatrix.space, dimension: 64)
        // What a version measured that estimated otherwise says nothing.
        var older = calibration
        older.estimation = nil
        try writer.store(older)
        let stale = try await search(path, request, mode: .approximate(poolSize: nil))
        #expect(stale.recall == nil && stale.poolSize == 4096)
        await #expect(throws: VectorIndexError.self) { try await search(path, request, mode: .recall(0.5)) }
        try await writer.build(
            CodedIndex.matrix(queries, dimension: 64, name: "more"), profile: .std, on: pool)
        #expect(writer.manifest.calibration == nil)
    }

    @Test(arguments: [IndexProfile.lite, .std, .full])
    func filtersGiveAllMatches(profile: IndexProfile) async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("i.vlx")
        let vectors = CodedIndex.clustered(1000, dimension: 64, seed: 21)
        try await CodedIndex.build(vectors, dimension: 64, profile: profile, at: path)
        for ordinals: [UInt32] in [[], [999], [3, 400, 401, 402], Array(stride(from: 0, to: 1000, by: 3))] {
            var filter = RowFilter()
            filter.insert(ShardIdentity(dataset: "x.npy", shard: ""), samples: .ordinals(ordinals))
            let request = CodedIndex.request(Array(vectors[0..<64]), dimension: 64, k: 20, filter: filter)
            let exact = try await search(path, request).hits[0]
            #expect(exact.count == min(20, ordinals.count) && exact.allSatisfy { ordinals.contains(UInt32($0.id)) })
            let all = try await search(path, request, mode: .approximate(poolSize: 1000)).hits[0]
            #expect(exact == all)
        }
    }

    /// Hits' vectors among each other, for leaving out near duplicates.
    @Test(arguments: [(IndexProfile.plain, Float(1e-6)), (.full, 2e-6), (.std, 4e-3), (.lite, 0.08)])
    func mutualVectors(profile: IndexProfile, tolerance: Float) async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("i.vlx")
        let vectors = CodedIndex.clustered(700, dimension: 100, seed: 3)
        try await CodedIndex.build(vectors, dimension: 100, profile: profile, at: path)
        let pool = ComputePool(threadCount: 1)
        defer { pool.shutdown() }
        let reader = try IndexReader(folder: path)
        let hits = try await reader.search(
            CodedIndex.request(Array(vectors[0..<100]), dimension: 100, k: 40), on: pool)[0]
        let found = try reader.mutualVectors(of: hits)
        let halves = HalfPrecision.widen(HalfPrecision.narrow(vectors))
        func dot(_ left: some Collection<Float>, _ right: some Collection<Float>) -> Float {
            zip(left, right).reduce(0) { $0 + $1.0 * $1.1 }
        }
        for (left, one) in hits.enumerated() {
            for (right, other) in hits.enumerated() {
                let expected = dot(
                    halves[Int(one.id) * 100..<Int(one.id + 1) * 100],
                    halves[Int(other.id) * 100..<Int(other.id + 1) * 100])
                #expect(abs(dot(found[left], found[right]) - expected) <= tolerance)
            }
        }
    }

    /// Vectors that are all the mean, opposite ones, and dimensions of all kinds.
    @Test func degenerateRows() async throws {
        let folder = try TemporaryFolder()
        for (number, dimension) in [1, 2, 3, 63, 64, 65, 129, 640].enumerated() {
            let one = TestVectors.unit(1, dimension: dimension, seed: 3)
            let vectors = (0..<40).flatMap { _ in one }
            for (profile, rows) in [(IndexProfile.full, vectors), (.std, vectors), (.full, vectors + one.map { -$0 })] {
                let path = folder.file("\(number)\(profile)\(rows.count).vlx")
                try await CodedIndex.build(rows, dimension: dimension, profile: profile, at: path)
                let hits = try await search(path, CodedIndex.request(one, dimension: dimension, k: 7)).hits[0]
                #expect(hits.map(\.id) == [0, 1, 2, 3, 4, 5, 6], "dimension \(dimension), \(profile)")
                #expect(hits.allSatisfy { abs($0.score - 1) < 2e-3 }, "dimension \(dimension), \(profile)")
            }
        }
    }

    @Test func sizesPerRow() async throws {
        let folder = try TemporaryFolder()
        let vectors = TestVectors.unit(20_000, dimension: 512, seed: 1)
        for (profile, isUnpacked, bound) in [
            (IndexProfile.lite, false, 260.0), (.std, false, 500), (.std, true, 600), (.full, false, 1480),
        ] {
            let path = folder.file("\(profile)\(isUnpacked).vlx")
            try await CodedIndex.build(vectors, dimension: 512, profile: profile, isUnpacked: isUnpacked, at: path)
            let information = try IndexReader(folder: path).information
            #expect(information.bytesPerVector <= bound, "\(profile): \(information)")
            #expect(information.sections.values.reduce(0, +) == information.bytes)
        }
    }
}
