import CKernels
import Testing

@testable import ByteFormats

@Suite struct CRC32CTests {
    /// RFC 3720 B.4, and the check value of the catalogue of CRC algorithms.
    static let published: [(bytes: [UInt8], checksum: UInt32)] = [
        ([], 0),
        (Array("123456789".utf8), 0xE306_9283),
        ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
        ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
        (Array(0..<32), 0x46DD_794E),
        (Array((0..<32).reversed()), 0x113F_DB5C),
    ]

    @Test(arguments: published)
    func matchesPublishedValues(bytes: [UInt8], checksum: UInt32) {
        #expect(CRC32C.checksum(of: bytes) == checksum)
        #expect(unsafe bytes.withUnsafeBytes { unsafe vlm_crc32c_plain(0, $0.baseAddress, $0.count) } == checksum)
    }

    @Test func hardwareEqualsPlainAtEveryLengthAndInPieces() {
        let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 >> 3) }
        for count in 0...bytes.count {
            let part = Array(bytes[..<count])
            let plain = unsafe part.withUnsafeBytes { unsafe vlm_crc32c_plain(0, $0.baseAddress, $0.count) }
            #expect(CRC32C.checksum(of: part) == plain, "length \(count)")
            var pieces = CRC32C()
            pieces.update(Array(part[..<(count / 3)]))
            pieces.update(Array(part[(count / 3)...]))
            #expect(pieces.value == plain, "length \(count) in two pieces")
        }
    }

    /// Lengths about the blocks that long runs are cut into, at every level of the machine.
    @Test func everyLevelEqualsPlainForLongRuns() {
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 >> 3) }
        let lengths =
            [376, 383, 384, 385, 760, 1000, 1007, 1008, 1009, 1392, 2048, 3064, 3071, 3072, 3073, 3080, 4096, 6143]
            + [6144, 6145, 9216, 10_000] + Array(500...580) + Array(stride(from: 740, to: 1300, by: 7))
        for count in lengths {
            for start in [0, 1, 5] where start + count <= bytes.count {
                let part = Array(bytes[start..<start + count])
                unsafe part.withUnsafeBytes { part in
                    let plain = unsafe vlm_crc32c_plain(7, part.baseAddress, part.count)
                    for level in VLM_CRC32C_PLAIN...VLM_CRC32C_WIDE {
                        let fast = unsafe vlm_crc32c_at(Int32(level), 7, part.baseAddress, part.count)
                        #expect(fast == plain, "length \(count) from \(start) at level \(level)")
                    }
                }
            }
        }
    }
}
