import CKernels
import Testing

@testable import ByteFormats

@Suite struct HalfPrecisionTests {
    static let all = (0...UInt16.max).map { $0 }

    private func plainWiden(_ halves: [UInt16]) -> [Float] {
        var floats = [Float](repeating: 0, count: halves.count)
        unsafe halves.withUnsafeBufferPointer { source in
            unsafe floats.withUnsafeMutableBufferPointer { destination in
                guard let from = source.baseAddress, let to = destination.baseAddress else { return }
                unsafe vlm_f16_to_f32_plain(from, to, source.count)
            }
        }
        return floats
    }

    private func plainNarrow(_ floats: [Float]) -> [UInt16] {
        var halves = [UInt16](repeating: 0, count: floats.count)
        unsafe floats.withUnsafeBufferPointer { source in
            unsafe halves.withUnsafeMutableBufferPointer { destination in
                guard let from = source.baseAddress, let to = destination.baseAddress else { return }
                unsafe vlm_f32_to_f16_plain(from, to, source.count)
            }
        }
        return halves
    }

    @Test func everyHalfWidensExactly() {
        let floats = HalfPrecision.widen(Self.all)
        let plain = plainWiden(Self.all)
        for half in Self.all {
            let index = Int(half)
            #expect(floats[index].bitPattern == plain[index].bitPattern, "half \(half)")
            // The definition, by value: sign, exponent and fraction in Double.
            let exponent = index >> 10 & 31
            let fraction = Double(index & 1023)
            let sign: Double = half >> 15 == 1 ? -1 : 1
            if exponent == 31 {
                #expect(fraction == 0 ? floats[index] == Float(sign) * .infinity : floats[index].isNaN, "half \(half)")
            } else {
                let scale = exponent == 0 ? 0x1p-24 : Double(sign: .plus, exponent: exponent - 25, significand: 1)
                let value = sign * (exponent == 0 ? fraction : fraction + 1024) * scale
                #expect(Double(floats[index]) == value, "half \(half)")
            }
        }
    }

    @Test func everyHalfSurvivesTheRoundTrip() {
        let back = HalfPrecision.narrow(HalfPrecision.widen(Self.all))
        for half in Self.all {
            // A signalling NaN comes back quiet, everything else as it was.
            let isNaN = half & 0x7C00 == 0x7C00 && half & 0x3FF != 0
            #expect(back[Int(half)] == (isNaN ? half | 0x200 : half), "half \(half)")
        }
    }

    @Test func narrowingRoundsToNearestEven() {
        // Every border between two neighbouring halves, and one Float step to either side.
        var floats: [Float] = []
        var expected: [UInt16] = []
        for half in Self.all[..<0x7C00] {
            let low = plainWiden([half])[0]
            let high = half == 0x7BFF ? 65536 : plainWiden([half + 1])[0]
            let middle = (low + high) / 2
            let even = half & 1 == 0 ? half : half + 1
            floats += [low, middle.nextDown, middle, middle.nextUp]
            expected += [half, half, even, half + 1]
        }
        #expect(HalfPrecision.narrow(floats) == expected)
        #expect(HalfPrecision.narrow(floats.map { -$0 }) == expected.map { $0 | 0x8000 })
        #expect(plainNarrow(floats) == expected)
    }

    @Test func narrowingAgreesWithThePlainTwinOnAllExponents() {
        var state: UInt32 = 12345
        let floats = (0..<200_003).map { _ -> Float in
            state = state &* 1_664_525 &+ 1_013_904_223
            return Float(bitPattern: state ^ state >> 13)
        }
        #expect(HalfPrecision.narrow(floats) == plainNarrow(floats))
    }

    @Test(arguments: [0, 1, 7, 8, 9, 31])
    func oddCountsTouchNothingElse(count: Int) {
        let halves = (0..<count).map { UInt16(0x3C00 + $0) }
        #expect(HalfPrecision.widen(halves).map(\.bitPattern) == plainWiden(halves).map(\.bitPattern))
        let split = HalfPrecision.byteSplit(halves.span)
        #expect(split == halves.map { UInt8($0 & 255) } + halves.map { UInt8($0 >> 8) })
        var joined = [UInt16](repeating: 0, count: count)
        var destination = joined.mutableSpan
        unsafe HalfPrecision.byteJoin(split.span.bytes, into: &destination)
        #expect(joined == halves)
    }

    @Test func brainFloatsRoundTripAndRound() {
        var floats = [Float](repeating: 0, count: 65536)
        var destination = floats.mutableSpan
        HalfPrecision.widenBrain(Self.all.span, into: &destination)
        #expect(floats.map(\.bitPattern) == Self.all.map { UInt32($0) << 16 })
        var back = [UInt16](repeating: 0, count: 65536)
        var backSpan = back.mutableSpan
        HalfPrecision.narrowBrain(floats.span, into: &backSpan)
        for half in Self.all where back[Int(half)] != half {
            #expect(back[Int(half)] == half | 0x40 && half & 0x7F80 == 0x7F80, "bfloat \(half)")
        }
        let borders: [Float] = [
            Float(bitPattern: 0x3F80_8000), Float(bitPattern: 0x3F81_8000), Float(bitPattern: 0x3F80_8001),
            .greatestFiniteMagnitude,
        ]
        var rounded = [UInt16](repeating: 0, count: 4)
        var roundedSpan = rounded.mutableSpan
        HalfPrecision.narrowBrain(borders.span, into: &roundedSpan)
        #expect(rounded == [0x3F80, 0x3F82, 0x3F81, 0x7F80])
    }
}
