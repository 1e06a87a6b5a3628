import ByteFormats
import CKernels
import Samples
import Testing

@testable import VectorIndex

@Suite struct PackingTests {
    /// About normal: the sum of twelve uniform numbers, less its mean.
    private static func normal(_ generator: inout SeededGenerator) -> Double {
        (0..<12).reduce(-6.0) { sum, _ in sum + generator.uniform() }
    }

    /// Rows of codes whose magnitudes are drawn by `magnitude`, with their signs.
    private func rows(
        _ count: Int, dimension: Int, seed: UInt64, magnitude: (inout SeededGenerator) -> UInt8
    ) -> (high: [UInt8], signs: [UInt8]) {
        var generator = SeededGenerator(seed: seed)
        var high = [UInt8](repeating: 0, count: count * dimension / 2)
        var signs = [UInt8](repeating: 0, count: count * dimension / 8)
        for row in 0..<count {
            for index in 0..<dimension {
                let isSet = generator.integer(below: 2) == 1
                let size = magnitude(&generator)
                let nibble = isSet ? 8 + size : 7 - size
                high[row * dimension / 2 + index % (dimension / 2)] |= index < dimension / 2 ? nibble : nibble << 4
                if isSet { signs[row * dimension / 8 + index / 8] |= 1 << UInt8(index % 8) }
            }
        }
        return (high, signs)
    }

    private func unpacked(
        _ frame: [UInt8], rowCount: Int, rows: Range<Int>, signs: [UInt8], dimension: Int
    ) -> [UInt8]? {
        var high = [UInt8](repeating: 0xAA, count: rows.count * dimension / 2)
        let part = Array(signs[rows.lowerBound * dimension / 8..<rows.upperBound * dimension / 8])
        let isSound = unsafe vlm_unpack_rows(
            frame, frame.count, rowCount, rows.lowerBound, rows.count, part, dimension, &high)
        return isSound != 0 ? high : nil
    }

    @Test(arguments: [64, 192, 256, 320, 512, 576, 1088])
    func packedCodesComeBack(dimension: Int) {
        let kinds: [(String, (inout SeededGenerator) -> UInt8)] = [
            ("small", { _ in 0 }), ("large", { _ in 7 }), ("any", { UInt8($0.integer(below: 8)) }),
            ("normal", { min(7, UInt8(abs(Self.normal(&$0)) / 0.38)) }),
        ]
        for (name, magnitude) in kinds {
            for rowCount in [1, 3, 37] {
                let (high, signs) = rows(rowCount, dimension: dimension, seed: 5, magnitude: magnitude)
                let frame = CodePacking.packed(high, signs: signs, codeDimension: dimension)
                let place = "\(name), \(rowCount) rows of \(dimension)"
                #expect(
                    unpacked(frame, rowCount: rowCount, rows: 0..<rowCount, signs: signs, dimension: dimension) == high,
                    "\(place)")
                for row in 0..<rowCount {
                    let one = unpacked(
                        frame, rowCount: rowCount, rows: row..<row + 1, signs: signs, dimension: dimension)
                    #expect(one == Array(high[row * dimension / 2..<(row + 1) * dimension / 2]), "\(place), row \(row)")
                }
                if name == "small" { #expect(frame.count == rowCount * (2 + dimension / 4)) }
                if name == "large" { #expect(frame.count == rowCount * (2 + dimension * 5 / 8)) }
            }
        }
    }

    /// Fast and plain unpacking agree, on damaged rows too: whether there is an error, and on the codes if there is none.
    @Test func everyWayOfUnpackingAgrees() {
        let dimension = 192
        let (high, signs) = rows(1, dimension: dimension, seed: 6) { min(7, UInt8(abs(Self.normal(&$0)) / 0.38)) }
        let frame = CodePacking.packed(high, signs: signs, codeDimension: dimension)
        var refused = 0
        for position in 0..<frame.count {
            for bit in 0..<8 {
                var damaged = frame
                damaged[position] ^= 1 << UInt8(bit)
                // Behind the frame is room for the fast way to look at.
                let escapes = Array(damaged[(2 + dimension / 4)...]) + [UInt8](repeating: 0x5A, count: 200)
                let base = Array(damaged[2..<2 + dimension / 4])
                let size = Int(damaged[0]) | Int(damaged[1]) << 8
                guard size <= escapes.count else { continue }
                var fast = [UInt8](repeating: 0, count: dimension / 2)
                var plain = fast
                let isFast = unsafe vlm_unpack_magnitudes(
                    base, escapes, size, escapes.count, signs, dimension, &fast)
                let isPlain = unsafe vlm_unpack_magnitudes_plain(base, escapes, size, signs, dimension, &plain)
                #expect(isFast == isPlain, "byte \(position), bit \(bit)")
                if isFast != 0, isPlain != 0 { #expect(fast == plain, "byte \(position), bit \(bit)") }
                refused += isPlain == 0 ? 1 : 0
            }
        }
        #expect(refused > 0)
        for count in 0..<frame.count {
            #expect(
                unpacked(Array(frame[..<count]), rowCount: 1, rows: 0..<1, signs: signs, dimension: dimension) == nil)
        }
        print("index packing: \(frame.count * 8) damaged rows, \(refused) refused, fast and plain alike")
    }

    @Test(arguments: [64, 192, 512, 768])
    func rotationsAreTurnedBack(dimension: Int) {
        let codec = VectorCodec(mean: [Float](repeating: 0, count: dimension))
        let vector = TestVectors.unit(1, dimension: dimension, seed: 8)
        var back = codec.rotated(vector)
        unsafe vlm_rotate_back(&back, dimension, codec.signs)
        for (one, other) in zip(vector, back) { #expect(abs(one - other) < 1e-6) }
    }

    /// Every binary16 number that is one comes back from its steps, whatever was predicted.
    @Test func everyHalfComesBackFromItsSteps() {
        let halves = (0...UInt16.max).filter { $0 & 0x7C00 != 0x7C00 }
        var generator = SeededGenerator(seed: 9)
        for spread in [Float(0), 0.001, 3] {
            let predicted = HalfPrecision.widen(halves).map { $0 + spread * Float(Self.normal(&generator)) }
            var steps = halves
            unsafe vlm_half_steps(halves, predicted, halves.count, &steps)
            if spread == 0 { #expect(steps.allSatisfy { $0 == 0 }) }
            var back = steps
            unsafe vlm_halves_from_steps(steps, predicted, halves.count, &back)
            #expect(back == halves, "spread \(spread)")
        }
    }

    @Test(arguments: [1, 15, 16, 17, 200, 256])
    func boundedPositionsAreTheSameOnEveryLevel(count: Int) {
        var generator = SeededGenerator(seed: UInt64(count))
        let dots = (0..<count).map { _ in Int32(generator.integer(below: 200_000)) - 100_000 }
        let columns = (0..<3).map { _ in (0..<count).map { _ in Float(generator.uniform()) * 0.01 } }
        let halves = columns.map { HalfPrecision.narrow($0) }
        let bytes = halves.map { column in column.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] } }
        let exact = halves.map { HalfPrecision.widen($0) }
        for errorCount in 0...2 {
            let values = (0..<count).map { row -> Float in
                var error: Float = 0
                for column in 0..<errorCount { error += exact[1 + column][row] }
                let product: Float = exact[0][row] * (Float(dots[row]) * 0.003 - 0.5)
                return 0.25 + product + error * 1.5
            }
            let threshold = values.sorted()[count / 2]
            let expected = values.indices.filter { values[$0] >= threshold }
            let leastDot = expected.map { dots[$0] }.min() ?? 0
            for (level, leastDot) in (0...vlm_scan_level()).flatMap({ [($0, Int32.min), ($0, leastDot)] }) {
                var positions = [UInt32](repeating: 0, count: count + 16)
                var found = [Float](repeating: 0, count: count + 16)
                let number = unsafe bytes[0].withUnsafeBufferPointer { factors in
                    unsafe bytes[1].withUnsafeBufferPointer { first in
                        unsafe bytes[2].withUnsafeBufferPointer { second in
                            guard let factors = factors.baseAddress else { return 0 }
                            var all = unsafe vlm_bound_columns(
                                factors: factors,
                                errors: (
                                    errorCount > 0 ? first.baseAddress : nil, errorCount > 1 ? second.baseAddress : nil
                                ))
                            return unsafe vlm_bounded_positions(
                                level, dots, &all, count, 0.25, 0.003, 0.5, 1.5, threshold, leastDot, &positions, &found
                            )
                        }
                    }
                }
                #expect(positions.prefix(number).map { Int($0) } == expected, "level \(level), \(errorCount) errors")
                #expect(found.prefix(number).map(\.bitPattern) == expected.map { values[$0].bitPattern })
            }
        }
    }
}
