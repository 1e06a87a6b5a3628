import ByteFormats
import PipelineEngine
import Samples
import TestSupport
import Testing

@testable import VectorIndex

/// An index beside a dictionary and brute force, through thousands of random steps.
@Suite struct ModelTests {
    private static let dimension = 6

    /// What an index should hold, by id.
    fileprivate struct Model {
        var rows: [UInt64: (halves: [UInt16], name: String)] = [:]

        func answer(_ query: [Float], k: Int) -> [(id: UInt64, score: Float)] {
            let scored = rows.map { (id: $0.key, score: PlainTwin.dot(query, $0.value.halves)) }
            return Array(scored.sorted { $0.score != $1.score ? $0.score > $1.score : $0.id < $1.id }.prefix(k))
        }
    }

    fileprivate struct Run {
        var model = Model()
        var generator: SeededGenerator
        var counts: [String: Int] = [:]
        var nameCount = 0
        let path: String
        let folder: TemporaryFolder
        let profile: IndexProfile

        func open() throws -> IndexWriter {
            try IndexWriter.open(folder: path, space: VectorMatrix.space, dimension: ModelTests.dimension)
        }

        mutating func matrix(_ firstID: UInt64) -> VectorMatrix {
            let dimension = ModelTests.dimension
            let count = 1 + generator.integer(below: 24)
            nameCount += 1
            // Few directions, so that scores tie.
            let exact = TestVectors.unit(30, dimension: dimension, seed: 3)
            let directions = HalfPrecision.widen(HalfPrecision.narrow(exact))
            let vectors = (0..<count).flatMap { _ -> ArraySlice<Float> in
                let pick = generator.integer(below: 30) * dimension
                return directions[pick..<pick + dimension]
            }
            return VectorMatrix(
                rowCount: count, dimension: dimension, identity: ShardIdentity(dataset: "m\(nameCount)", shard: ""),
                firstID: firstID, keys: { $0.map { "k\(firstID + UInt64($0))" } }, normalizing: false
            ) { Array(vectors[$0.lowerBound * dimension..<$0.upperBound * dimension]) }
        }

        mutating func note(_ matrix: VectorMatrix) throws {
            let halves = HalfPrecision.narrow(try matrix.rows(0..<matrix.rowCount))
            for row in 0..<matrix.rowCount {
                model.rows[matrix.firstID + UInt64(row)] = (
                    Array(halves[row * matrix.dimension..<(row + 1) * matrix.dimension]), matrix.identity.dataset
                )
            }
        }

        /// Some ids that are there, and one that may not be.
        mutating func someIDs() -> Set<UInt64> {
            let ids = model.rows.keys.sorted()
            var picked: Set<UInt64> = [UInt64(generator.integer(below: 100_000))]
            guard !ids.isEmpty else { return picked }
            for _ in 0..<1 + generator.integer(below: 12) { picked.insert(ids[generator.integer(below: ids.count)]) }
            return picked
        }

        mutating func step(on pool: ComputePool) async throws {
            let roll = generator.integer(below: 100)
            switch roll {
            case ..<12: try await append(on: pool)
            case ..<22: try delete()
            case ..<24: try replace()
            case ..<27: try compact()
            case ..<28: try await join(on: pool)
            case ..<29:
                counts["repack", default: 0] += 1
                var writer = try open()
                try writer.setPacking(isUnpacked: generator.integer(below: 2) == 0)
            case ..<31:
                guard profile.isCoded else { return }
                counts["partition", default: 0] += 1
                var writer = try open()
                var partitioning = PartitionTests.partitioning(
                    1 + generator.integer(below: 20), bucketByteCount: 1 << 13)
                partitioning.includesPartitioned = generator.integer(below: 2) == 0
                try await writer.partition(partitioning, on: pool)
            case ..<32:
                counts["gc", default: 0] += 1
                var writer = try open()
                try writer.collectGarbage()
            default: try await search(on: pool)
            }
        }

        private mutating func append(on pool: ComputePool) async throws {
            counts["append", default: 0] += 1
            var writer = try open()
            let matrix = matrix(writer.manifest.nextID)
            try await writer.build(matrix, profile: profile, on: pool)
            try note(matrix)
        }

        private mutating func delete() throws {
            counts["delete", default: 0] += 1
            let ids = someIDs()
            var writer = try open()
            let expected = ids.count { model.rows[$0] != nil }
            let isByKey = generator.integer(below: 2) == 0
            let count = try writer.delete(isByKey ? .keys(Set(ids.map { "k\($0)" })) : .ids(ids))
            #expect(count == expected)
            for id in ids { model.rows[id] = nil }
        }

        /// Takes a whole matrix away.
        private mutating func replace() throws {
            counts["remove", default: 0] += 1
            let names = Set(model.rows.values.map(\.name)).sorted()
            guard !names.isEmpty else { return }
            let name = names[generator.integer(below: names.count)]
            var writer = try open()
            try writer.remove([ShardIdentity(dataset: name, shard: "")])
            model.rows = model.rows.filter { $0.value.name != name }
        }

        private mutating func compact() throws {
            counts["compact", default: 0] += 1
            var writer = try open()
            try writer.compact(.init(minimumDeletedShare: generator.integer(below: 2) == 0 ? 0 : 0.3))
        }

        /// Another writer's index comes in, by adoption or merging.
        private mutating func join(on pool: ComputePool) async throws {
            let isMerge = generator.integer(below: 2) == 0
            counts[isMerge ? "merge" : "adopt", default: 0] += 1
            let other = folder.file("other\(nameCount).vlx")
            let matrix = matrix(try open().manifest.nextID)
            do {
                var writer = try IndexWriter.open(
                    folder: other, space: VectorMatrix.space, dimension: ModelTests.dimension)
                if try profile.isCoded && open().manifest.codec != nil { try writer.useCodec(of: path) }
                try await writer.build(matrix, profile: profile, on: pool)
            }
            var writer = try open()
            if isMerge { try writer.merge([other]) } else { try writer.adopt([other]) }
            try note(matrix)
            try TestFiles.remove(other)
        }

        private mutating func search(on pool: ComputePool) async throws {
            counts["search", default: 0] += 1
            let k = 1 + generator.integer(below: 20)
            let query = TestVectors.unit(1, dimension: ModelTests.dimension, seed: generator.next())
            let reader = try IndexReader(
                folder: path, reading: generator.integer(below: 2) == 0 ? .pread : .mapped)
            let mode = generator.integer(below: 4) == 0 ? SearchMode.approximate(poolSize: 1 << 20) : .exact
            let hits = try await reader.search(
                CodedIndex.request(query, dimension: ModelTests.dimension, k: k), mode: mode, on: pool
            ).hits[0]
            #expect(reader.rowCount == model.rows.count)
            let near = try await reader.search(
                CodedIndex.request(query, dimension: ModelTests.dimension, k: k),
                mode: .approximate(poolSize: 4, rowBudget: 1 + generator.integer(below: 60)), on: pool
            ).hits[0]
            #expect(near.count == min(k, model.rows.count) && Set(near.map(\.id)).count == near.count)
            #expect(near.allSatisfy { model.rows[$0.id] != nil })
            let expected = model.answer(query, k: k)
            #expect(hits.map(\.id) == expected.map(\.id) && hits.map(\.score) == expected.map(\.score))
            #expect(hits.allSatisfy { $0.key == "k\($0.id)" })
        }
    }

    @Test(arguments: [(IndexProfile.full, 7000), (.plain, 3000)])
    func randomSteps(profile: IndexProfile, stepCount: Int) async throws {
        let folder = try TemporaryFolder()
        let pool = ComputePool(threadCount: 2)
        defer { pool.shutdown() }
        var run = Run(
            generator: SeededGenerator(seed: 11, number: UInt64(profile.number), purpose: "model"),
            path: folder.file("i.vlx"), folder: folder, profile: profile)
        _ = try run.open()
        // An index without a manifest is none yet.
        try await run.step0(on: pool)
        for step in 0..<stepCount {
            try await run.step(on: pool)
            if step % 500 == 499 { #expect(try IndexVerification.run(folder: run.path).isSound, "step \(step)") }
            // The index stays small, so that brute force does not take all the time.
            if run.model.rows.count > 300 { try run.empty() }
        }
        print(
            "\(stepCount) random steps (\(profile)): \(run.counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", "))"
        )
    }
}

extension ModelTests.Run {
    /// The first append.
    fileprivate mutating func step0(on pool: ComputePool) async throws {
        var writer = try open()
        let matrix = matrix(0)
        try await writer.build(matrix, profile: profile, on: pool)
        try note(matrix)
    }

    /// Deletes most rows.
    fileprivate mutating func empty() throws {
        var writer = try open()
        let ids = Set(model.rows.keys.filter { $0 % 8 != 0 })
        #expect(try writer.delete(.ids(ids)) == ids.count)
        for id in ids { model.rows[id] = nil }
    }
}
