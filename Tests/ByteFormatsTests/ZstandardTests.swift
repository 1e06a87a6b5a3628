import Testing

@testable import ByteFormats

@Suite struct ZstandardTests {
    private func sample(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: ($0 / 7) &* 13) } }

    @Test(arguments: [0, 1, 997, 300_000])
    func roundTripIsExactAndRepeatable(count: Int) throws {
        var compressor = ZstdCompressor()
        var decompressor = ZstdDecompressor()
        let bytes = sample(count)
        let frame = compressor.compress(bytes)
        #expect(compressor.compress(bytes) == frame, "the context keeps no state between frames")
        #expect(unsafe try decompressor.decompress(frame.span.bytes, byteCount: count) == bytes)
    }

    @Test func wrongSizesAndDamageAreErrors() throws {
        var compressor = ZstdCompressor()
        var decompressor = ZstdDecompressor()
        let bytes = sample(2000)
        let frame = compressor.compress(bytes)
        for count in [0, 1999, 2001, 1 << 40] {
            #expect(throws: ByteFormatError.self) {
                _ = unsafe try decompressor.decompress(frame.span.bytes, byteCount: count)
            }
        }
        for count in 0..<frame.count {
            let cut = Array(frame[..<count])
            #expect(throws: ByteFormatError.self, "cut at \(count)") {
                _ = unsafe try decompressor.decompress(cut.span.bytes, byteCount: 2000)
            }
        }
        // Flipped bits may go unnoticed here (files keep their own checksum), but never crash or change the size.
        for index in frame.indices {
            var flipped = frame
            flipped[index] ^= 0xFF
            do {
                let result = unsafe try decompressor.decompress(flipped.span.bytes, byteCount: 2000)
                #expect(result.count == 2000)
            } catch {
                #expect(error.code == .malformed)
            }
        }
        #expect(unsafe try decompressor.decompress(frame.span.bytes, byteCount: 2000) == bytes, "usable after errors")
    }

    @Test func storageIsReused() throws {
        var compressor = ZstdCompressor()
        var decompressor = ZstdDecompressor()
        var storage: [UInt8] = []
        for count in [10, 5000, 3, 0, 77] {
            let bytes = sample(count)
            let frame = compressor.compress(bytes)
            unsafe try decompressor.decompress(frame.span.bytes, byteCount: count, into: &storage)
            #expect(storage == bytes)
        }
    }
}
