import ByteFormats
import CKernels
import PipelineEngine
import Samples
import TestSupport
import Testing

@testable import VectorIndex

/// Codes that are made for queries: how they are chosen, and what they bring.
@Suite struct QueryDirectionsTests {
    // MARK: The kernel

    /// Bytes that every CPU must make of the same numbers: the plain twin of what the kernel adds to nearest codes.
    private struct Twin {
        let elements: [Float]
        let norms: [Float]
        let reach: QueryDirections.Reach
        private(set) var codes: [UInt8] = []
        private var along = [Float](repeating: 0, count: QueryDirections.count)

        init(_ directions: QueryDirections) {
            elements = directions.elements
            reach = directions.reach
            norms = (0..<directions.width).map { row in
                let squares = (0..<32).map { Double(directions.elements[row * 32 + $0]) }.map { $0 * $0 }
                return Float(squares.reduce(0, +))
            }
        }

        private mutating func add(_ row: Int, _ value: Float) {
            for index in 0..<32 { along[index] += value * elements[row * 32 + index] }
        }

        private static func laneSum(_ x: [Float]) -> Float {
            let eight = (0..<8).map { x[$0] + x[$0 + 8] }
            let four = (0..<4).map { eight[$0] + eight[$0 + 4] }
            return (four[0] + four[2]) + (four[1] + four[3])
        }

        private func product(_ row: Int) -> Float {
            Self.laneSum(
                (0..<16).map {
                    along[$0] * elements[row * 32 + $0] + along[16 + $0] * elements[row * 32 + 16 + $0]
                })
        }

        private mutating func move(_ errors: inout [Float], above tolerance: Float, isUpper: Bool) {
            for row in errors.indices.filter({ abs(errors[$0]) > tolerance }) {
                let step: Float = errors[row] >= 0 ? 1 : -1
                let change = 1 - 2 * abs(errors[row]) + norms[row] - 2 * step * product(row)
                let digit = Int(isUpper ? codes[row] >> 4 : codes[row] & 15)
                let moved = digit + Int(step)
                guard change < 0, (0...15).contains(moved), !isUpper || digit / 8 == moved / 8 else { continue }
                codes[row] =
                    isUpper ? UInt8(moved) << 4 | (step > 0 ? 0 : 15) : codes[row] & 0xF0 | UInt8(moved)
                errors[row] -= step
                add(row, -step)
            }
        }

        private mutating func turnSigns(_ residual: [Float], _ scale: Float) {
            guard reach.sign > 0 else { return }
            let lanes = (0..<16).map { lane in
                stride(from: lane, to: residual.count, by: 16).reduce(Float(0)) { $0 + abs(residual[$1]) }
            }
            let step = Float(residual.count) / (Self.laneSum(lanes) * scale)
            along = [Float](repeating: 0, count: 32)
            for row in residual.indices { add(row, residual[row] * scale * step - (codes[row] >= 128 ? 1 : -1)) }
            for row in residual.indices where abs(residual[row]) * scale < reach.sign {
                let turn: Float = codes[row] >= 128 ? 2 : -2
                let change = 4 * abs(residual[row]) * scale * step + 4 * norms[row] + 2 * turn * product(row)
                guard change < 0 else { continue }
                codes[row] = codes[row] >= 128 ? 127 : 128
                add(row, turn)
            }
        }

        mutating func encode(_ residual: [Float], scale: Float, form: vlm_code_form) {
            codes = residual.map { value in
                let magnitude = UInt8(min(127, (abs(value) * scale).rounded(.down)))
                return value >= 0 ? 128 + magnitude : 127 - magnitude
            }
            turnSigns(residual, scale)
            along = [Float](repeating: 0, count: 32)
            var errors = residual.indices.map { residual[$0] * scale * 0.0625 - (Float(codes[$0] >> 4) - 7.5) }
            for row in errors.indices { add(row, errors[row]) }
            let tolerances =
                form == VLM_UPPER_CODES
                ? [0.3, 0] : [0.5 - reach.upper * 0.025, 0.5 - reach.upper * 0.0625] as [Float]
            for tolerance in tolerances { move(&errors, above: tolerance, isUpper: true) }
            guard form == VLM_WEIGHED_CODES else { return }
            along = [Float](repeating: 0, count: 32)
            errors = residual.indices.map { residual[$0] * scale - (Float(codes[$0]) - 127.5) }
            for row in errors.indices { add(row, errors[row]) }
            for tolerance in [0.3, 0] as [Float] { move(&errors, above: tolerance, isUpper: false) }
        }
    }

    /// The kernel's codes and sums of one row.
    private func encoded(
        _ residual: [Float], scale: Float, _ directions: QueryDirections?, form: vlm_code_form
    ) -> (codes: [UInt8], signs: [UInt8], sums: vlm_code_sums) {
        let width = residual.count
        var high = [UInt8](repeating: 0, count: width / 2)
        var low = high
        var signs = [UInt8](repeating: 0, count: width / 8)
        var scratch = [Float](repeating: 0, count: width * Int(VLM_ENCODE_SCRATCH) / 4 + 1)
        var sums = vlm_code_sums()
        unsafe QueryDirections.withKernelForm(of: directions, for: .std) { directions in
            unsafe vlm_encode_row(
                residual, width, scale, directions, form, &scratch, &signs, &high, &low, &sums)
        }
        let codes = (0..<width).map { index in
            let shift: UInt8 = index < width / 2 ? 0 : 4
            return (high[index % (width / 2)] >> shift & 15) << 4 | low[index % (width / 2)] >> shift & 15
        }
        return (codes, signs, sums)
    }

    private func directions(width: Int, reach: QueryDirections.Reach, seed: UInt64) -> QueryDirections {
        let vectors = TestVectors.unit(QueryDirections.count, dimension: width, seed: seed)
        var elements = [Float](repeating: 0, count: vectors.count)
        for index in 0..<QueryDirections.count {
            for row in 0..<width {
                elements[row * QueryDirections.count + index] = 12 / Float(index + 1) * vectors[index * width + row]
            }
        }
        return QueryDirections(elements: elements, reach: reach)
    }

    @Test(arguments: [64, 192, 512], [VLM_UPPER_CODES, VLM_NEAREST_CODES, VLM_WEIGHED_CODES])
    func codesAreThoseOfThePlainTwin(width: Int, form: vlm_code_form) {
        var changedCount = 0
        for reach in [QueryDirections.Reach.guessed, .known, .init(sign: 0, upper: 0), .init(sign: 8, upper: 1)] {
            let directions = directions(width: width, reach: reach, seed: UInt64(width))
            var twin = Twin(directions)
            let rows = TestVectors.unit(20, dimension: width, seed: 9)
            for row in 0..<20 {
                var residual = Array(rows[row * width..<(row + 1) * width])
                if row == 0 { residual[3] = 0 }
                let largest = residual.map(abs).max() ?? 1
                // Elements beyond the largest code too.
                for scale in [127.99 / largest, 200 / largest] {
                    let found = encoded(residual, scale: scale, directions, form: form)
                    twin.encode(residual, scale: scale, form: form)
                    #expect(found.codes == twin.codes, "row \(row), \(reach)")
                    let nearest = encoded(residual, scale: scale, nil, form: form)
                    changedCount += zip(found.codes, nearest.codes).count { $0 != $1 }
                    check(found, form, residual, directions)
                    #expect(
                        nearest.sums.along8 == 0 && nearest.sums.along_norm8 == 0 && nearest.sums.along4 == 0
                            && nearest.sums.along_norm4 == 0)
                }
            }
        }
        #expect(changedCount > 300)
    }

    /// Signs and sums by definition.
    private func check(
        _ found: (codes: [UInt8], signs: [UInt8], sums: vlm_code_sums), _ form: vlm_code_form, _ residual: [Float],
        _ directions: QueryDirections
    ) {
        let width = residual.count
        let signs = (0..<width).map { found.signs[$0 / 8] >> UInt8($0 % 8) & 1 == 1 }
        #expect(signs == found.codes.map { $0 >= 128 })
        let whole = found.codes.map { Double($0) - 127.5 }
        let upper = found.codes.map { Double($0 >> 4) - 7.5 }
        let values = residual.map(Double.init)
        func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
        func along(_ x: [Double], _ y: [Double]) -> Double {
            (0..<QueryDirections.count).reduce(0) { sum, index in
                let column = (0..<width).map { Double(directions.elements[$0 * QueryDirections.count + index]) }
                return sum + dot(x, column) * dot(y, column)
            }
        }
        func isNear(_ sum: Double, _ expected: Double, of size: Double) -> Bool { abs(sum - expected) <= 1e-4 * size }
        let sums = found.sums
        #expect(isNear(sums.absolute, dot(values, signs.map { $0 ? 1 : -1 }), of: abs(sums.absolute)))
        #expect(isNear(sums.product8, dot(values, whole), of: abs(sums.product8)))
        #expect(isNear(sums.along_norm4, along(upper, upper), of: sums.along_norm4))
        let size = along(values, values).squareRoot()
        if form == VLM_WEIGHED_CODES {
            #expect(isNear(sums.along_norm8, along(whole, whole), of: sums.along_norm8))
            #expect(isNear(sums.along8, along(values, whole), of: size * sums.along_norm8.squareRoot()))
        } else {
            #expect(sums.along8 == 0 && sums.along_norm8 == 0)
        }
        #expect(isNear(sums.along4, along(values, upper), of: size * sums.along_norm4.squareRoot()))
    }

    /// Errors become small along the directions, and hardly larger elsewhere.
    @Test func errorsLieWhereNoQueryLooks() {
        let width = 512
        let directions = directions(width: width, reach: .known, seed: 3)
        let codec = VectorCodec(mean: [Float](repeating: 0, count: width))
        let rows = TestVectors.unit(50, dimension: width, seed: 4)
        var lengths = (plain: 0.0, chosen: 0.0)
        var weights = (plain: 0.0, chosen: 0.0)
        for row in 0..<50 {
            let residual = codec.rotated(rows[row * width..<(row + 1) * width])
            let scale = 127.99 / (residual.map(abs).max() ?? 1)
            for isChosen in [false, true] {
                let found = encoded(residual, scale: scale, isChosen ? directions : nil, form: VLM_WEIGHED_CODES)
                let factors = RowFactors(found.sums)
                let error = (0..<width).map {
                    Double(residual[$0]) - Double(factors.scale8) * (Double(found.codes[$0]) - 127.5)
                }
                let length = error.reduce(0) { $0 + $1 * $1 }
                let weight = (0..<QueryDirections.count).reduce(0.0) { sum, index in
                    let product = (0..<width).reduce(0.0) {
                        $0 + error[$1] * Double(directions.elements[$1 * QueryDirections.count + index])
                    }
                    return sum + product * product
                }
                #expect(length.squareRoot() <= Double(half: factors.error8))
                if isChosen {
                    lengths.chosen += length
                    weights.chosen += weight
                } else {
                    lengths.plain += length
                    weights.plain += weight
                }
            }
        }
        #expect(weights.chosen < 0.1 * weights.plain, "\(weights)")
        #expect(lengths.chosen < 2 * lengths.plain, "\(lengths)")
    }

    // MARK: Learning

    /// Axes with known second moments come out in their order, as long as the formula says.
    @Test func directionsOfKnownMoments() {
        let dimension = 80
        var generator = SeededGenerator(seed: 1)
        let sizes = (0..<dimension).map { $0 < 3 ? [8.0, 4, 2][$0] : 1 }
        let rows = (0..<4000).flatMap { _ in
            sizes.map { Float($0 * (generator.uniform() * 2 - 1) * 3.0.squareRoot()) }
        }
        let learned = QueryDirections.learned(from: [rows], dimension: dimension)
        #expect(learned.count == QueryDirections.count * dimension)
        for (index, size) in sizes.prefix(3).enumerated() {
            let direction = learned[index * dimension..<(index + 1) * dimension].map { abs(Double($0)) }
            let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
            // The mean of those left out is a little below 1: the largest of equals were taken.
            let expected = (size * size - 1).squareRoot()
            #expect(abs(length / expected - 1) < 0.1, "direction \(index) is \(length) long, not \(expected)")
            #expect(direction[index] / length > 0.99)
        }
        let last = learned.suffix(dimension).reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(last < 0.2)
        #expect(QueryDirections.learned(from: [rows], dimension: dimension) == learned)
    }

    /// Each set weighs the same, however many vectors it has.
    @Test func setsCountAlike() {
        let dimension = 64
        var many = [Float](repeating: 0, count: 300 * dimension)
        var few = [Float](repeating: 0, count: 3 * dimension)
        for row in 0..<300 { many[row * dimension] = 1 }
        for row in 0..<3 { few[row * dimension + 1] = 1 }
        let learned = QueryDirections.learned(from: [many, few, []], dimension: dimension)
        func length(_ element: Int) -> Float {
            (0..<QueryDirections.count).reduce(0) {
                $0 + learned[$1 * dimension + element] * learned[$1 * dimension + element]
            }
            .squareRoot()
        }
        let limit = Float(QueryDirections.maximumLength)
        #expect(abs(length(0) - limit) < 1e-3 && abs(length(1) - limit) < 1e-3 && length(2) == 0)
    }

    /// Whatever is learned from, what comes out is finite and no longer than it may be.
    @Test(arguments: [1, 3, 31, 32, 33, 48, 70], [0, 1, 5, 40])
    func degenerateSets(dimension: Int, count: Int) {
        for sets in [
            [TestVectors.unit(count, dimension: dimension, seed: 1)], [[Float](repeating: 0, count: count * dimension)],
            [[Float](repeating: 0.5, count: count * dimension), TestVectors.unit(2, dimension: dimension, seed: 2)],
        ] {
            let learned = QueryDirections.learned(from: sets, dimension: dimension)
            #expect(learned.count == QueryDirections.count * dimension)
            for index in 0..<QueryDirections.count {
                let length = learned[index * dimension..<(index + 1) * dimension].reduce(0.0) {
                    $0 + Double($1) * Double($1)
                }.squareRoot()
                #expect(length.isFinite && length <= QueryDirections.maximumLength * 1.001, "direction \(index)")
            }
            let mean = [Float](repeating: 0, count: dimension)
            let codec = VectorCodec(mean: mean, directions: learned)
            let rows = TestVectors.unit(3, dimension: dimension, seed: 7)
            for factors in RowCodes(rows, codec: codec, profile: .std).factors {
                #expect(factors.scale8.isFinite && factors.scale8 > 0)
                #expect(Double(half: factors.error8) < 0.05 && Double(half: factors.error4) < 0.5)
            }
        }
    }

    /// However many there are, those kept are spread evenly, and the mean is that of all.
    @Test(arguments: [1, 100, 1000, 5000])
    func samplesAreSpreadEvenly(count: Int) {
        let dimension = 2048
        var sample = CodecSample(dimension: dimension)
        #expect(sample.isEmpty && sample.mean == [Float](repeating: 0, count: dimension))
        for row in 0..<count {
            var vector = [Float](repeating: 0, count: dimension)
            vector[0] = Float(row)
            vector[1] = 1
            sample.add(vector)
        }
        let rows = stride(from: 0, to: sample.kept.count, by: dimension).map { Int(sample.kept[$0]) }
        #expect(rows.count <= 512 && rows.count >= min(count, 256))
        let step = rows.count > 1 ? rows[1] : 1
        #expect(rows == Array(stride(from: 0, to: count, by: step)))
        #expect(abs(sample.mean[0] - Float(count - 1) / 2) < 1e-2 && sample.mean[1] == 1)
    }

    // MARK: Files

    @Test func codecFilesKeepDirections() throws {
        let dimension = 70
        let learned = QueryDirections.learned(
            from: [CodedIndex.clustered(100, dimension: dimension, seed: 1)], dimension: dimension)
        let codec = VectorCodec(
            mean: TestVectors.unit(1, dimension: dimension, seed: 1), directions: learned, reach: .known)
        let read = try VectorCodec(codec.encoded, path: "x")
        #expect(read.directions?.elements == codec.directions?.elements && read.directions?.reach == .known)
        #expect(codec.encoded.count == 64 + 128 / 16 * 8 + 70 * 4 + 128 * 32 * 2 + 4)
        // Rotated as rows are, so that products stay.
        let elements = try #require(read.directions?.elements)
        let row = TestVectors.unit(1, dimension: dimension, seed: 8)
        let rotated = codec.rotated(row)
        for index in 0..<QueryDirections.count {
            let expected = zip(row, learned[index * dimension..<(index + 1) * dimension]).reduce(0) { $0 + $1.0 * $1.1 }
            let product = rotated.indices.reduce(Float(0)) {
                $0 + rotated[$1] * elements[$1 * QueryDirections.count + index]
            }
            #expect(abs(product - expected) < 0.02)
        }
        for index in stride(from: 0, to: codec.encoded.count, by: 37) {
            #expect(throws: (any Error).self) { _ = try VectorCodec(Array(codec.encoded[..<index]), path: "x") }
        }
    }

    /// What no writer of ours writes, with a sound checksum.
    @Test func impossibleDirectionsAreRefused() throws {
        let codec = VectorCodec(
            mean: [Float](repeating: 0, count: 64),
            directions: [Float](repeating: 0.25, count: 64 * QueryDirections.count), reach: .known)
        func changed(_ offset: Int, _ bytes: [UInt8]) -> [UInt8] {
            var file = Array(codec.encoded.dropLast(4))
            file.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            var writer = ByteWriter()
            writer.write(file)
            writer.writeChecksum()
            return writer.bytes
        }
        #expect(try VectorCodec(changed(0, []), path: "x") == codec)
        func bytes(_ value: Float) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
        }
        let start = 64 + 64 / 16 * 8 + 64 * 4
        for (what, file) in [
            ("count", changed(24, [31])), ("old version", changed(10, [1])), ("reach", changed(28, bytes(9))),
            ("reach", changed(32, bytes(.nan))), ("reach", changed(32, bytes(1.5))), ("reach", changed(28, bytes(-1))),
            ("reserved", changed(36, [1])),
            ("infinity", changed(start, [0x00, 0x7C])), ("NaN", changed(start + 2, [0x01, 0x7C])),
            ("too large", changed(start, [0x00, 0x50])),
        ] {
            #expect(throws: (any Error).self, "\(what)") { _ = try VectorCodec(file, path: "x") }
        }
    }

    // MARK: Indexes

    /// Texts that lie in a narrow cone of few dimensions, apart from the rows, as those of image–text models do.
    private static func texts(_ count: Int, dimension: Int, seed: UInt64) -> [Float] {
        let axes = TestVectors.unit(9, dimension: dimension, seed: 77)
        var generator = SeededGenerator(seed: seed)
        return (0..<count).flatMap { _ -> [Float] in
            var sum = (0..<dimension).map { axes[$0] }
            for axis in 1..<9 {
                let share = Float(generator.uniform() * 2 - 1) * 0.6
                for index in 0..<dimension { sum[index] += share * axes[axis * dimension + index] }
            }
            let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return sum.map { $0 / length }
        }
    }

    private static let dimension = 128

    /// The share of the ten nearest rows that an exact search over codes finds.
    private func recall(
        _ rows: [Float], learnedFrom queries: [Float], asked: [Float], profile: IndexProfile, at path: String
    ) async throws -> Double {
        let pool = ComputePool(threadCount: 2)
        defer { pool.shutdown() }
        var writer = try IndexWriter.open(folder: path, space: VectorMatrix.space, dimension: Self.dimension)
        try await writer.build(
            CodedIndex.matrix(rows, dimension: Self.dimension), queries: queries, profile: profile, on: pool)
        #expect(try IndexVerification.run(folder: path).isSound)
        let reader = try IndexReader(folder: path)
        let hits = try await reader.search(CodedIndex.request(asked, dimension: Self.dimension, k: 10), on: pool)
        let truth = CodedIndex.bruteForce(rows, queries: asked, dimension: Self.dimension, k: 10)
        let found = zip(hits, truth).reduce(0) { sum, pair in
            let ids = Set(pair.1.map(\.id))
            return sum + pair.0.count { ids.contains($0.id) }
        }
        return Double(found) / Double(10 * truth.count)
    }

    /// Codes made for queries find more of what other queries of their kind ask for, and no less of what rows do.
    @Test func codesForQueriesFindMore() async throws {
        let folder = try TemporaryFolder()
        let rows = CodedIndex.clustered(4000, dimension: Self.dimension, seed: 1)
        let texts = Self.texts(60, dimension: Self.dimension, seed: 2)
        let others = Self.texts(200, dimension: Self.dimension, seed: 3)
        let like = CodedIndex.clustered(60, dimension: Self.dimension, seed: 4)
        var recalls: [String: Double] = [:]
        for profile in [IndexProfile.lite, .std] {
            for (name, queries) in [("none", []), ("texts", others)] {
                for (kind, asked) in [("texts", texts), ("rows", like)] {
                    recalls["\(profile) for \(name) asked \(kind)"] = try await recall(
                        rows, learnedFrom: queries, asked: asked, profile: profile,
                        at: folder.file("\(profile)-\(name)-\(kind)"))
                }
            }
        }
        print(recalls.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "\n"))
        func found(_ key: String) throws -> Double { try #require(recalls[key]) }
        #expect(try found("lite for texts asked texts") > found("lite for none asked texts") + 0.05)
        #expect(try found("std for texts asked texts") >= found("std for none asked texts"))
        #expect(try found("lite for texts asked rows") > found("lite for none asked rows") - 0.05)
        #expect(try found("std for texts asked rows") > 0.97)
    }

    /// Streams and matrices learn the same from the same; queries are of any length.
    @Test func queriesOfStreamsAndMatrices() async throws {
        let folder = try TemporaryFolder()
        let rows = CodedIndex.clustered(600, dimension: Self.dimension, seed: 1)
        let texts = Self.texts(50, dimension: Self.dimension, seed: 2)
        let pool = ComputePool(threadCount: 2)
        defer { pool.shutdown() }
        var codecs: [Digest?] = []
        for (name, queries) in [("a", texts), ("b", texts.map { $0 * 7 }), ("c", [])] {
            var writer = try IndexWriter.open(
                folder: folder.file(name), space: VectorMatrix.space, dimension: Self.dimension)
            try await writer.build(
                CodedIndex.matrix(rows, dimension: Self.dimension), queries: queries, profile: .std, on: pool)
            codecs.append(writer.manifest.codec)
            // The codec is there: it cannot learn any more.
            await #expect(throws: VectorIndexError.self) {
                var writer = try IndexWriter.open(
                    folder: folder.file("a"), space: VectorMatrix.space, dimension: Self.dimension)
                try await writer.build(
                    CodedIndex.matrix(rows, dimension: Self.dimension, name: "y"), queries: texts, profile: .std,
                    on: pool)
            }
        }
        #expect(codecs[2] != codecs[0] && codecs[0] != nil)
        let directions = try ["a", "b"].map { name in
            try #require(
                try IndexFolder(path: folder.file(name)).codec(of: IndexReader(folder: folder.file(name)).manifest))
        }.map { try #require($0.directions) }
        #expect(zip(directions[0].elements, directions[1].elements).allSatisfy { abs($0 - $1) < 0.02 })
        #expect(directions[0].reach == .known)
        for (what, queries, profile) in [
            ("plain", texts, IndexProfile.plain), ("zero", [Float](repeating: 0, count: Self.dimension), .std),
            ("infinite", [Float](repeating: .infinity, count: Self.dimension), .std),
        ] {
            await #expect(throws: VectorIndexError.self, "\(what)") {
                var writer = try IndexWriter.open(
                    folder: folder.file("wrong"), space: VectorMatrix.space, dimension: Self.dimension)
                try await writer.build(
                    CodedIndex.matrix(rows, dimension: Self.dimension), queries: queries, profile: profile, on: pool)
            }
        }
    }

    /// The index of a workspace learns from its captions.
    @Test func captionsAreQueries() throws {
        let folder = try TemporaryFolder()
        for (name, captionCount, reach) in [
            ("captions", 1, QueryDirections.Reach.known), ("images", 0, QueryDirections.Reach.guessed),
        ] {
            let shard = try TestVectors.shard(
                "s", sampleCount: 300, captionCount: captionCount, dimension: 16, seed: 1, folder: folder.file(name))
            var writer = try IndexWriter.open(
                folder: folder.file("\(name).vlx"), space: TestVectors.space, dimension: 16)
            try writer.seal([shard])
            try writer.compact(.init(profile: .std))
            let codec = try #require(try writer.codec())
            #expect(codec.directions?.reach == reach, "\(name)")
            let information = try IndexReader(folder: folder.file("\(name).vlx")).information
            #expect(information.codesFor == (reach == .known ? "queries" : "rows"))
        }
    }
}
