import Testing

@testable import ByteFormats

@Suite struct CursorTests {
    private func sample() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(UInt8(0xAB))
        writer.write(Int16(-2))
        writer.write(UInt32(0x0102_0304))
        writer.write(UInt64.max - 1)
        writer.write(field: "猫")
        writer.writeZeros(2)
        writer.writeChecksum()
        return writer.bytes
    }

    private func readAll(_ bytes: [UInt8]) throws(ByteFormatError) {
        var reader = ByteReader(bytes, path: "x", fileByteOffset: 100)
        let first = try reader.read(UInt8.self, "a")
        let second = try reader.read(Int16.self, "b")
        let third = try reader.read(UInt32.self, "c")
        let fourth = try reader.read(UInt64.self, "d")
        let text = try reader.readField("e", maximumByteCount: 3)
        try reader.expectZeros(2, "f")
        try reader.expectChecksum("g")
        try reader.expectEnd()
        #expect(first == 0xAB && second == -2 && third == 0x0102_0304 && fourth == .max - 1 && text == "猫")
    }

    @Test func bytesAreLittleEndian() {
        #expect(
            sample().dropLast(4) == [
                0xAB, 0xFE, 0xFF, 4, 3, 2, 1, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 3, 0, 0, 0, 0xE7, 0x8C,
                0xAB, 0, 0,
            ])
    }

    @Test func roundTripAndEveryCutAndEveryFlip() throws {
        let bytes = sample()
        try readAll(bytes)
        for count in 0..<bytes.count {
            #expect(throws: ByteFormatError.self, "cut at \(count)") { try readAll(Array(bytes[..<count])) }
        }
        for index in bytes.indices {
            var flipped = bytes
            flipped[index] ^= 0x10
            #expect(throws: ByteFormatError.self, "flip at \(index)") { try readAll(flipped) }
        }
        #expect(throws: ByteFormatError.self) { try readAll(bytes + [0]) }
    }

    @Test func errorsNameThePlace() {
        var reader = ByteReader([1, 2], path: "folder/file", fileByteOffset: 40)
        let error = #expect(throws: ByteFormatError.self) {
            _ = try reader.read(UInt8.self, "kind")
            _ = try reader.read(UInt32.self, "length")
        }
        #expect(error?.code == .truncated)
        #expect(error?.byteOffset == 41)
        #expect(error?.description == "folder/file at byte 41: length needs 4 bytes where 1 are left")
    }

    @Test func hugeCountsAllocateNothing() {
        var writer = ByteWriter()
        writer.write(UInt32.max)
        var reader = ByteReader(writer.bytes)
        let error = #expect(throws: ByteFormatError.self) { try reader.readField("key", maximumByteCount: .max) }
        #expect(error?.code == .truncated)
    }
}
