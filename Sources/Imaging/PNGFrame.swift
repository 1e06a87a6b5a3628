import CImageCodecs
import Samples

/// The header of a PNG, with what is needed to choose the mode of its pixels and to refuse it before they are allocated.
struct PNGFrame {
    let header: ImageHeader
    let depth: Int
    let colorType: Int

    /// Reads IHDR (with its checksum) and looks through the chunks for eXIf, which may follow the pixels.
    static func parse(_ bytes: Span<UInt8>, limits: ImageLimits) throws(ImagingError) -> PNGFrame {
        guard let length = bytes.number(at: 8, byteCount: 4), let stated = bytes.number(at: 29, byteCount: 4) else {
            throw truncated(bytes.count)
        }
        let body = bytes.extracting(12..<29)
        guard length == 13, body.matches("IHDR", at: 0) else {
            throw ImagingError(.malformed, "the PNG does not begin with a header chunk; replace it", byteOffset: 8)
        }
        guard crc32(body) == UInt32(stated) else {
            throw ImagingError(.malformed, "the PNG header fails its checksum; fetch the file again", byteOffset: 12)
        }
        let width = body.number(at: 4, byteCount: 4) ?? 0
        let height = body.number(at: 8, byteCount: 4) ?? 0
        let (depth, colorType) = (Int(body[12]), Int(body[13]))
        let (compression, filter, interlace) = (body[14], body[15], body[16])
        let depths: [Int: [Int]] = [0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16]]
        guard depths[colorType]?.contains(depth) == true, compression == 0, filter == 0, interlace <= 1 else {
            throw ImagingError(
                .malformed,
                "the PNG header names depth \(depth), colour type \(colorType), methods \(compression), \(filter), "
                    + "\(interlace), which do not exist; replace the file", byteOffset: 24)
        }
        try limits.check(width: width, height: height, byteOffset: 16)

        var orientation: ImageOrientation?
        var hasPixels = false
        var offset = 33
        chunks: while let length = bytes.number(at: offset, byteCount: 4),
            let type = bytes.number(at: offset + 4, byteCount: 4)
        {
            let body = offset + 8
            switch type {
            case 0x4945_4E44: break chunks  // IEND
            case 0x4944_4154: hasPixels = true  // IDAT
            case 0x6558_4966 where orientation == nil && bytes.contains(body, byteCount: length):  // eXIf
                orientation = ImageOrientation(exif: bytes.extracting(body..<body + length))
            default: break
            }
            offset = body + length + 4
        }
        guard hasPixels else { throw truncated(bytes.count) }
        return PNGFrame(
            header: ImageHeader(
                format: .png, pixelWidth: width, pixelHeight: height, orientation: orientation ?? .upright),
            depth: depth, colorType: colorType)
    }

    /// Whether so few bytes can hold the picture at all: deflate shrinks at most 1,032 to one.
    func canFit(inByteCount byteCount: Int) -> Bool {
        let channelCount = [2: 3, 4: 2, 6: 4][colorType] ?? 1
        let rowByteCount = (header.pixelWidth * channelCount * depth + 7) / 8
        return rowByteCount * header.pixelHeight / 1032 <= byteCount
    }

    /// The mode in which Pillow loads such a file, grey of up to 8 bits being taken as RGB.
    func pixelFormat(keepsAlpha: Bool) -> vlm_pixel_format {
        switch (colorType, depth) {
        case (3, _), (0, 1): VLM_PIXELS_INDEX8
        case (0, 16): VLM_PIXELS_GREY16
        case (4, _), (6, _): keepsAlpha ? VLM_PIXELS_RGBA8 : VLM_PIXELS_RGB8
        default: VLM_PIXELS_RGB8
        }
    }

    private static func truncated(_ offset: Int) -> ImagingError {
        ImagingError(.truncated, "the PNG ends before its picture data; fetch the file again", byteOffset: offset)
    }

    /// CRC-32 of ISO 3309 (reflected polynomial 0xEDB88320), bit by bit: it sees 17 bytes per picture.
    private static func crc32(_ bytes: Span<UInt8>) -> UInt32 {
        var value: UInt32 = 0xFFFF_FFFF
        for index in bytes.indices {
            value ^= UInt32(bytes[index])
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        }
        return ~value
    }
}
