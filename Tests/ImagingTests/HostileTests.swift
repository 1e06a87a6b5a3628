import Imaging
import Samples
import Testing

/// Damaged files: an error or a picture, never a crash, and never a picture of another size than the header says.
@Suite struct HostileTests {
    static let smallFiles = [
        "rgb-420.jpg", "rgb-420-progressive.jpg", "cmyk.jpg", "restart.jpg", "orientation-6.jpg", "png-0-16.png",
        "png-2-8-interlaced.png", "png-3-4.png", "png-3-8-interlaced.png", "orientation-6.png", "lossy.webp",
        "lossless.webp", "alpha-lossy.webp", "animated.webp", "orientation-6.webp",
        "png-0-1.png", "rgba-orientation-6.png", "palette-orientation-7.png",
    ]
    static let limits = ImageLimits(maximumPixelCount: 1_000_000)

    private func check(_ bytes: [UInt8], _ label: String) {
        do {
            let image = try ImageDecoder.decode(bytes, applyOrientation: false, limits: Self.limits)
            let header = try ImageHeader.parse(bytes, limits: Self.limits)
            #expect(image.width == header.pixelWidth && image.height == header.pixelHeight, "\(label)")
            // In its own mode it decodes to the same pixels.
            let native = try ImageDecoder.decodeNative(bytes.span, orientation: .none, limits: Self.limits)
            #expect(native.convertedToRGB() == image, "\(label)")
        } catch {
            #expect(!error.message.isEmpty, "\(label)")
        }
    }

    @Test(arguments: smallFiles) func cutAtEveryByte(_ file: String) throws {
        let bytes = try Golden.bytes(of: file)
        for count in 0..<bytes.count {
            check(Array(bytes[..<count]), "\(file) cut at \(count)")
        }
    }

    @Test(arguments: smallFiles) func changedBytes(_ file: String) throws {
        let bytes = try Golden.bytes(of: file)
        var generator = SeededGenerator(seed: 1, epoch: 0, key: file, purpose: "fuzz")
        for round in 0..<600 {
            var changed = bytes
            for _ in 0...generator.integer(below: 4) {
                // Headers are where the structure is, so half of the changes go there.
                let range = generator.chance(0.5) ? min(bytes.count, 64) : bytes.count
                let at = generator.integer(below: range)
                switch generator.integer(below: 4) {
                case 0: changed[at] ^= 1 << UInt8(generator.integer(below: 8))
                case 1: changed[at] = UInt8.max
                case 2: changed[at] = 0
                default: changed[at] = UInt8(truncatingIfNeeded: generator.next())
                }
            }
            check(changed, "\(file) round \(round)")
        }
    }

    @Test(arguments: ["rgb-420.jpg", "rgb-420-progressive.jpg", "png-2-8.png", "lossy.webp", "lossless.webp"])
    func truncatedIsAnError(_ file: String) throws {
        let bytes = try Golden.bytes(of: file)
        let header = try ImageHeader.parse(bytes)
        let cut = Array(bytes[..<(bytes.count * 3 / 4)])
        // The header is still whole.
        #expect(try ImageHeader.parse(cut) == header)
        let error = try #require(throws: ImagingError.self) { try ImageDecoder.decode(cut) }
        #expect(error.code == .truncated, "\(error)")
    }

    /// As in Pillow: the decoder cannot know that the last code is whole unless a marker follows.
    @Test func jpegWithoutEndMarkerIsTruncated() throws {
        let bytes = try Golden.bytes(of: "rgb-420.jpg")
        #expect(bytes.suffix(2) == [0xFF, 0xD9])
        let error = try #require(throws: ImagingError.self) { try ImageDecoder.decode(Array(bytes.dropLast(2))) }
        #expect(error.code == .truncated)
        // What follows the marker does not matter.
        expectSamePixels(try ImageDecoder.decode(bytes + [1, 2, 3]), try ImageDecoder.decode(bytes))
    }

    @Test(arguments: [
        ([], ImagingError.Code.unrecognizedFormat),
        (Array("GIF89a".utf8), .unrecognizedFormat),
        ([0xFF, 0xD8, 0xFF], .truncated),
        ([0xFF, 0xD8, 0xFF, 0xD9], .truncated),
        ([0xFF, 0xD8, 0xFF, 0xE0, 0x00, 0x01], .malformed),
        ([0xFF, 0xD8, 0xFF, 0xDA, 0x00, 0x02], .malformed),
        ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], .truncated),
        (Array("RIFF\0\0\0\0WEBP".utf8), .truncated),
        (Array("RIFF\0\0\0\0WEBPABCD\0\0\0\0xxxx".utf8), .malformed),
    ])
    func nearlyNothing(_ bytes: [UInt8], _ code: ImagingError.Code) throws {
        let error = try #require(throws: ImagingError.self) { try ImageHeader.parse(bytes) }
        #expect(error.code == code, "\(error)")
        #expect(throws: ImagingError.self) { try ImageDecoder.decode(bytes) }
    }

    /// A frame header of 16,000 × 11,000 (under the default cap) in front of a few bytes.
    private func hugeJPEG(marker: UInt8, width: Int, height: Int) throws -> [UInt8] {
        var bytes = try Golden.bytes(of: marker == 0xC2 ? "rgb-420-progressive.jpg" : "rgb-420.jpg")
        let frame = try #require(bytes.indices.dropLast().first { bytes[$0] == 0xFF && bytes[$0 + 1] == marker })
        bytes[frame + 5] = UInt8(height >> 8)
        bytes[frame + 6] = UInt8(height & 255)
        bytes[frame + 7] = UInt8(width >> 8)
        bytes[frame + 8] = UInt8(width & 255)
        return bytes
    }

    @Test(arguments: [0xC0, 0xC2] as [UInt8]) func hugeFrameInTinyFile(_ marker: UInt8) throws {
        let bytes = try hugeJPEG(marker: marker, width: 16_000, height: 11_000)
        #expect(try ImageHeader.parse(bytes).pixelWidth == 16_000)
        // Refused before libjpeg would clear a gigabyte of coefficients.
        let error = try #require(throws: ImagingError.self) { try ImageDecoder.decode(bytes) }
        #expect(error.code == .truncated)
    }

    /// A PNG header of 16,000 × 11,000 in front of a few bytes, which no deflate stream can stand for.
    @Test func hugePNGInTinyFile() throws {
        let header: [UInt8] = [0x49, 0x48, 0x44, 0x52, 0, 0, 0x3E, 0x80, 0, 0, 0x2A, 0xF8, 8, 2, 0, 0, 0]
        let whole = try Golden.bytes(of: "png-2-8.png")
        let bytes = whole[..<12] + header + pngChecksum(header) + whole[33...]
        #expect(try ImageHeader.parse(Array(bytes)).pixelWidth == 16_000)
        let error = try #require(throws: ImagingError.self) { try ImageDecoder.decode(Array(bytes)) }
        #expect(error.code == .truncated)
        #expect(error.message.contains("cannot hold"))
    }

    /// CRC-32 of ISO 3309, bit by bit.
    private func pngChecksum(_ bytes: [UInt8]) -> [UInt8] {
        var value: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            value ^= UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        }
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: ~value >> UInt32($0)) }
    }

    @Test func pixelCap() throws {
        let bytes = try hugeJPEG(marker: 0xC0, width: 65_500, height: 65_500)
        for run in [{ _ = try ImageHeader.parse(bytes) }, { _ = try ImageDecoder.decode(bytes) }] {
            let error = try #require(throws: ImagingError.self) { try run() }
            #expect(error.code == .overLimit)
        }
        let small = try Golden.bytes(of: "png-2-8.png")
        #expect(throws: Never.self) { try ImageDecoder.decode(small, limits: ImageLimits(maximumPixelCount: 19 * 13)) }
        let error = try #require(throws: ImagingError.self) {
            try ImageDecoder.decode(small, limits: ImageLimits(maximumPixelCount: 19 * 13 - 1))
        }
        #expect(error.code == .overLimit)
    }

    @Test func scanCap() throws {
        let bytes = try Golden.bytes(of: "rgb-420-progressive.jpg")
        #expect(throws: Never.self) { try ImageDecoder.decode(bytes) }
        let error = try #require(throws: ImagingError.self) {
            try ImageDecoder.decode(bytes, limits: ImageLimits(maximumScanCount: 3))
        }
        #expect(error.code == .overLimit)
    }

    /// EXIF that points outside itself, loops or lies about its size: no orientation, and the picture still decodes.
    @Test(
        arguments: [
            [0x49, 0x49, 0x2A, 0x00, 0xFF, 0xFF, 0xFF, 0xFF],
            [0x4D, 0x4D, 0x00, 0x2A, 0x00, 0x00, 0x00, 0x08, 0xFF, 0xFF],
            [0x49, 0x49, 0x2A, 0x00, 0x00, 0x00, 0x00, 0x00],
            [0x49, 0x49, 0x2A, 0x00, 0x08, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, 9, 0, 0, 0],
            [0x49, 0x49, 0x2A, 0x00, 0x08, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 0, 0, 0, 0x80, 6, 0, 0, 0],
            [0x49, 0x49, 0x2A, 0x00, 0x08, 0, 0, 0, 1, 0, 0x12, 0x01, 5, 0, 1, 0, 0, 0, 6, 0, 0, 0],
            [0x49, 0x49, 0x2A, 0x00, 0x08, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0],
            [],
        ] as [[UInt8]])
    func hostileEXIF(_ tiff: [UInt8]) throws {
        let plain = try Golden.bytes(of: "rgb-420.jpg")
        let body = Array("Exif\0\0".utf8) + tiff
        let segment: [UInt8] = [0xFF, 0xE1, 0, UInt8(body.count + 2)] + body
        let bytes = Array(plain[..<2]) + segment + Array(plain[2...])
        #expect(try ImageHeader.parse(bytes).orientation == .upright)
        expectSamePixels(try ImageDecoder.decode(bytes), try ImageDecoder.decode(plain))
    }
}
