import CKernels
import Samples
import Testing

@testable import VectorIndex

@Suite struct CodeKernelTests {
    private func random(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }

    /// Every level equals the sum by definition, extremes included.
    @Test(arguments: [64, 128, 192, 320, 512, 576, 1152])
    func nibbleDotsAreExact(dimension: Int) {
        for (rowCount, queryCount) in [(1, 1), (3, 1), (4, 3), (5, 4), (9, 9)] {
            var rows = random(rowCount * dimension / 2, seed: 1)
            var queries = random(queryCount * dimension, seed: 2).map { Int8(bitPattern: $0) }
            for index in 0..<dimension / 2 { rows[index] = 0xFF }
            for index in 0..<dimension { queries[index] = index < dimension / 2 ? -128 : 127 }
            let expected = (0..<queryCount).flatMap { query in
                (0..<rowCount).map { row in
                    (0..<dimension).reduce(Int32(0)) { sum, index in
                        let byte = rows[row * dimension / 2 + index % (dimension / 2)]
                        let nibble = index < dimension / 2 ? byte & 15 : byte >> 4
                        return sum + Int32(nibble) * Int32(queries[query * dimension + index])
                    }
                }
            }
            for level in 0...vlm_scan_level() {
                var dots = [Int32](repeating: -1, count: expected.count)
                unsafe vlm_nibble_dots(level, queries, queryCount, rows, rowCount, dimension, &dots, rowCount)
                #expect(dots == expected, "level \(level), \(rowCount) rows, \(queryCount) queries")
            }
        }
    }

    @Test(arguments: [64, 192, 512, 1088])
    func codeAndSignDotsAreExact(dimension: Int) {
        let high = random(dimension / 2, seed: 3)
        let low = random(dimension / 2, seed: 4)
        let pair = random(2 * dimension, seed: 5).map { Int8(bitPattern: $0) }
        func nibble(_ bytes: [UInt8], _ index: Int) -> Int64 {
            let byte = bytes[index % (dimension / 2)]
            return Int64(index < dimension / 2 ? byte & 15 : byte >> 4)
        }
        let numbers = (0..<dimension).map { 256 * Int64(pair[$0]) + Int64(pair[dimension + $0]) }
        let both = (0..<dimension).reduce(Int64(0)) { $0 + (16 * nibble(high, $1) + nibble(low, $1)) * numbers[$1] }
        let upper = (0..<dimension).reduce(Int64(0)) { $0 + 16 * nibble(high, $1) * numbers[$1] }
        let rowCount = 7
        let rows = random(rowCount * dimension / 8, seed: 6)
        let planeCount = Int32(VLM_SIGN_PLANES)
        let planes = random(Int(planeCount) * dimension / 8, seed: 7)
        func sign(_ bytes: [UInt8], _ start: Int, _ index: Int) -> Int32 {
            bytes[start + index / 8] >> UInt8(index % 8) & 1 == 1 ? 1 : -1
        }
        let signs = (0..<rowCount).map { row in
            (0..<dimension).reduce(Int32(0)) { sum, index in
                let value = (0..<planeCount).reduce(Int32(0)) {
                    $0 + (1 << $1) * sign(planes, Int($1) * dimension / 8, index)
                }
                return sum + value * sign(rows, row * dimension / 8, index)
            }
        }
        for level in 0...vlm_scan_level() {
            unsafe #expect(vlm_code_dot(level, pair, high, low, dimension) == both, "level \(level)")
            unsafe #expect(vlm_code_dot(level, pair, high, nil, dimension) == upper, "level \(level)")
            var sums = [Int32](repeating: 0, count: rowCount)
            unsafe vlm_sign_dots(level, planes, rows, rowCount, dimension, &sums)
            #expect(sums == signs, "level \(level)")
        }
    }

    /// Rows in any order, for any queries, give the sums that scans of them give.
    @Test(arguments: [64, 192, 512])
    func scatteredDotsAreThoseOfScans(dimension: Int) {
        let rows = random(41 * dimension / 2, seed: 11)
        let queries = random(3 * dimension, seed: 12).map { Int8(bitPattern: $0) }
        var all = [Int32](repeating: 0, count: 3 * 41)
        unsafe vlm_nibble_dots(0, queries, 3, rows, 41, dimension, &all, 41)
        for count in [0, 1, 15, 16, 17, 41] {
            let places = (0..<count).map { $0 * 29 % 41 }
            let numbers = places.map { UInt32($0 % 3) }
            for level in 0...vlm_scan_level() {
                var dots = [Int32](repeating: -1, count: count + 1)
                unsafe rows.withUnsafeBufferPointer { bytes in
                    guard let first = bytes.baseAddress else { return }
                    let pointers = unsafe places.map { unsafe Optional(first + $0 * dimension / 2) }
                    unsafe vlm_scattered_dots(level, queries, numbers, pointers, count, dimension, &dots)
                }
                #expect(dots == places.map { all[$0 % 3 * 41 + $0] } + [-1], "level \(level), \(count) rows")
            }
        }
    }

    @Test(arguments: [0, 1, 2, 7, 100, 2000])
    func largestAreSelected(count: Int) {
        var generator = SeededGenerator(seed: UInt64(count))
        for distinct in [3, 1_000_000] {
            let keys = (0..<count).map { _ in UInt64(generator.integer(below: distinct)) }
            for kept in Set([0, 1, count / 3, count]) where kept <= count {
                var moved = keys
                unsafe vlm_select_largest(&moved, count, kept)
                #expect(moved.prefix(kept).sorted() == Array(keys.sorted().suffix(kept)))
                #expect(moved.sorted() == keys.sorted())
            }
        }
    }

    /// The norms of codes alone are those that encoding gave.
    @Test(arguments: [64, 192, 512])
    func normsOfCodes(dimension: Int) {
        let vectors = TestVectors.unit(9, dimension: dimension, seed: 3)
        let codes = RowCodes(
            vectors, codec: VectorCodec(mean: [Float](repeating: 0.01, count: dimension)), profile: .std)
        for row in 0..<9 {
            var sums = (eight: 0.0, four: 0.0)
            var norms = (eight: 0.0, four: 0.0)
            let part = row * dimension / 2..<(row + 1) * dimension / 2
            let (high, low) = (Array(codes.high[part]), Array(codes.low[part]))
            for index in 0..<dimension {
                let shift: UInt8 = index < dimension / 2 ? 0 : 4
                let upper = Double(high[index % (dimension / 2)] >> shift & 15)
                let lower = Double(low[index % (dimension / 2)] >> shift & 15)
                sums.eight += (16 * upper + lower - 127.5) * (16 * upper + lower - 127.5)
                sums.four += (upper - 7.5) * (upper - 7.5)
            }
            unsafe vlm_code_norms(high, low, dimension, &norms.eight, &norms.four)
            #expect(norms == sums)
            unsafe vlm_code_norms(high, nil, dimension, &norms.eight, &norms.four)
            #expect(norms.eight == 0 && norms.four == sums.four)
        }
    }

    /// Lengths and inner products stay; and the rotation of a unit vector is spread over all elements.
    @Test(arguments: [64, 100, 192, 384, 512, 768, 1024, 1152])
    func rotationKeepsInnerProducts(dimension: Int) {
        let codec = VectorCodec(mean: [Float](repeating: 0, count: dimension))
        let a = TestVectors.unit(1, dimension: dimension, seed: 1)
        let b = TestVectors.unit(1, dimension: dimension, seed: 2)
        let (ra, rb) = (codec.rotated(a), codec.rotated(b))
        func dot(_ x: [Float], _ y: [Float]) -> Double { zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
        #expect(abs(dot(ra, rb) - dot(a, b)) < 1e-6 && abs(dot(ra, ra) - 1) < 1e-6)
        var spike = [Float](repeating: 0, count: dimension)
        spike[dimension / 3] = 1
        let spread = codec.rotated(spike)
        #expect(abs(dot(spread, spread) - 1) < 1e-6)
        let largest = spread.map(abs).max() ?? 0
        #expect(Double(largest) < 6 / Double(codec.codeDimension).squareRoot(), "dimension \(dimension): \(largest)")
    }

    /// The certain bounds of the factors, against the residual itself.
    @Test(arguments: [IndexProfile.lite, .full])
    func errorsAreBounded(profile: IndexProfile) {
        let dimension = 128
        let vectors = CodedIndex.clustered(60, dimension: dimension, seed: 3)
        let mean = (0..<dimension).map { index in
            (0..<60).reduce(Float(0)) { $0 + vectors[$1 * dimension + index] } / 60
        }
        let codec = VectorCodec(mean: mean)
        let codes = RowCodes(vectors, codec: codec, profile: profile)
        var residual = [Float](repeating: 0, count: dimension)
        for row in 0..<60 {
            codec.residual(of: row, in: vectors, into: &residual)
            let factors = codes.factors[row]
            var squares = (four: 0.0, eight: 0.0, lengths: 0.0)
            for index in 0..<dimension {
                let byte = row * dimension / 2 + index % (dimension / 2)
                let shift: UInt8 = index < dimension / 2 ? 0 : 4
                let high = Double(codes.high[byte] >> shift & 15)
                let low = Double(codes.low[byte] >> shift & 15)
                let isSet = codes.signs[row * dimension / 8 + index / 8] >> UInt8(index % 8) & 1 == 1
                #expect(isSet == (residual[index] >= 0) && isSet == (high >= 8))
                let four = Double(residual[index]) - Double(half: factors.scale4) * (high - 7.5)
                let eight = Double(residual[index]) - Double(factors.scale8) * (16 * high + low - 127.5)
                squares.four += four * four
                squares.eight += eight * eight
                squares.lengths += Double(residual[index]) * Double(residual[index])
            }
            let error4 = squares.four.squareRoot()
            let error8 = squares.eight.squareRoot()
            #expect(error4 <= Double(half: factors.error4) && Double(half: factors.error4) <= error4 * 1.002 + 1e-6)
            #expect(error8 <= Double(half: factors.error8) && Double(half: factors.error8) <= error8 * 1.002 + 1e-6)
            // Steps of a uniform quantiser up to the largest element, about 4 standard deviations at most here.
            #expect(error4 / squares.lengths.squareRoot() < 0.16)
            if profile == .full { #expect(error8 / squares.lengths.squareRoot() < 0.0105) }
        }
    }

    @Test func codecFilesRoundTrip() throws {
        let codec = VectorCodec(mean: TestVectors.unit(1, dimension: 70, seed: 1))
        let read = try VectorCodec(codec.encoded, path: "x")
        #expect(read.digest == codec.digest && read.rotatedMean == codec.rotatedMean && read.signs == codec.signs)
        for index in codec.encoded.indices {
            var damaged = codec.encoded
            damaged[index] ^= 0x40
            #expect(throws: (any Error).self, "byte \(index)") { _ = try VectorCodec(damaged, path: "x") }
            #expect(throws: (any Error).self, "cut at \(index)") {
                _ = try VectorCodec(Array(codec.encoded[..<index]), path: "x")
            }
        }
    }
}
