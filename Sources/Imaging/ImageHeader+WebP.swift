import Samples

extension ImageHeader {
    /// Reads the first chunk (VP8, VP8L or VP8X) and, for VP8X, looks through the others for EXIF.
    static func parseWebP(_ bytes: Span<UInt8>, limits: ImageLimits) throws(ImagingError) -> ImageHeader {
        guard let length = bytes.number(at: 16, byteCount: 4, littleEndian: true), bytes.count > 20 else {
            throw webPTruncated(bytes.count)
        }
        let width: Int
        let height: Int
        var isExtended = false
        if bytes.matches("VP8 ", at: 12) {
            guard let tag = bytes.byte(at: 20), let first = bytes.number(at: 26, byteCount: 2, littleEndian: true),
                let second = bytes.number(at: 28, byteCount: 2, littleEndian: true)
            else { throw webPTruncated(bytes.count) }
            guard tag & 1 == 0, bytes.matches([0x9D, 0x01, 0x2A], at: 23) else { throw webPMalformed("frame", 20) }
            (width, height) = (first & 0x3FFF, second & 0x3FFF)
        } else if bytes.matches("VP8L", at: 12) {
            guard let mark = bytes.byte(at: 20), let bits = bytes.number(at: 21, byteCount: 4, littleEndian: true)
            else { throw webPTruncated(bytes.count) }
            guard mark == 0x2F else { throw webPMalformed("lossless frame", 20) }
            (width, height) = ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        } else if bytes.matches("VP8X", at: 12) {
            guard length >= 10, let first = bytes.number(at: 24, byteCount: 3, littleEndian: true),
                let second = bytes.number(at: 27, byteCount: 3, littleEndian: true)
            else { throw webPTruncated(bytes.count) }
            (width, height) = (first + 1, second + 1)
            isExtended = true
        } else {
            throw webPMalformed("first chunk", 12)
        }
        try limits.check(width: width, height: height, byteOffset: 20)
        let orientation = isExtended ? webPOrientation(bytes, firstChunkByteCount: length) : nil
        return ImageHeader(
            format: .webp, pixelWidth: width, pixelHeight: height, orientation: orientation ?? .upright)
    }

    private static func webPOrientation(
        _ bytes: Span<UInt8>, firstChunkByteCount: Int
    ) -> ImageOrientation? {
        var offset = 20 + firstChunkByteCount + firstChunkByteCount % 2
        while let length = bytes.number(at: offset + 4, byteCount: 4, littleEndian: true) {
            if bytes.matches("EXIF", at: offset) {
                guard bytes.contains(offset + 8, byteCount: length) else { return nil }
                let body = bytes.extracting(offset + 8..<offset + 8 + length)
                // Some writers keep the six bytes that mark EXIF in a JPEG.
                return ImageOrientation(exif: body.matches("Exif\0\0", at: 0) ? body.extracting(6...) : body)
            }
            offset += 8 + length + length % 2
        }
        return nil
    }

    private static func webPTruncated(_ offset: Int) -> ImagingError {
        ImagingError(.truncated, "the WebP ends before its picture data; fetch the file again", byteOffset: offset)
    }

    private static func webPMalformed(_ what: String, _ offset: Int) -> ImagingError {
        ImagingError(.malformed, "the WebP's \(what) is not one; replace the file", byteOffset: offset)
    }
}
