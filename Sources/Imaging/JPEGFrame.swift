import Samples

/// The frame header of a JPEG, with what is needed to refuse it before libjpeg allocates for it.
struct JPEGFrame {
    let header: ImageHeader
    let componentCount: Int
    let isProgressive: Bool
    let isArithmetic: Bool

    /// Walks the marker segments up to the first start of scan, as libjpeg and Pillow do: stray bytes between segments
    /// are skipped, and the last frame header before the scan holds.
    static func parse(_ bytes: Span<UInt8>, limits: ImageLimits) throws(ImagingError) -> JPEGFrame {
        var offset = 2
        var orientation: ImageOrientation?
        var frame: (marker: Int, width: Int, height: Int, componentCount: Int, offset: Int)?
        scan: while true {
            guard let marker = nextMarker(bytes, &offset) else {
                throw truncated("the JPEG ends before its picture data", bytes.count)
            }
            switch marker {
            case 0x01, 0xD0...0xD8:
                continue
            case 0xD9:
                throw truncated("the JPEG ends before its picture data", offset)
            default:
                break
            }
            guard let length = bytes.number(at: offset, byteCount: 2), length >= 2 else {
                throw segmentError(bytes, offset, marker)
            }
            // A scan may begin right at the end of the file; its data is the decoder's business.
            guard bytes.contains(offset, byteCount: length) else {
                throw truncated("the JPEG is cut within a marker segment", bytes.count)
            }
            let body = bytes.extracting(offset + 2..<offset + length)
            switch marker {
            case 0xDA:
                break scan
            case 0xE1 where orientation == nil:
                if body.matches("Exif\0\0", at: 0) { orientation = ImageOrientation(exif: body.extracting(6...)) }
            case 0xC0...0xCF where marker != 0xC4 && marker != 0xC8 && marker != 0xCC:
                guard let precision = body.byte(at: 0), let height = body.number(at: 1, byteCount: 2),
                    let width = body.number(at: 3, byteCount: 2), let count = body.byte(at: 5)
                else { throw segmentError(bytes, offset, marker) }
                guard precision == 8 else {
                    throw ImagingError(
                        .unsupported, "the JPEG has \(precision) bits per channel; convert it to 8", byteOffset: offset)
                }
                guard body.count >= 6 + 3 * count else { throw segmentError(bytes, offset, marker) }
                try limits.check(width: width, height: height, byteOffset: offset)
                frame = (marker, width, height, count, offset)
            default:
                break
            }
            offset += length
        }
        guard let frame else {
            throw ImagingError(.malformed, "the JPEG has no frame header; replace the file", byteOffset: offset)
        }
        guard [1, 3, 4].contains(frame.componentCount) else {
            throw ImagingError(
                .unsupported, "the JPEG has \(frame.componentCount) channels; convert it to RGB, grey or CMYK",
                byteOffset: frame.offset)
        }
        guard [0xC0, 0xC1, 0xC2, 0xC9, 0xCA].contains(frame.marker) else {
            throw ImagingError(
                .unsupported, "the JPEG is lossless or hierarchical; convert it to a baseline or progressive one",
                byteOffset: frame.offset)
        }
        return JPEGFrame(
            header: ImageHeader(
                format: .jpeg, pixelWidth: frame.width, pixelHeight: frame.height,
                orientation: orientation ?? .upright),
            componentCount: frame.componentCount, isProgressive: frame.marker == 0xC2 || frame.marker == 0xCA,
            isArithmetic: frame.marker >= 0xC9)
    }

    /// Whether so few bytes can hold the picture at all. A Huffman-coded file spends at least one bit on every block of
    /// the first component, and a block covers at most 32 × 32 pixels. It keeps a file of a few hundred bytes from
    /// making libjpeg clear gigabytes of coefficients.
    func canFit(inByteCount byteCount: Int) -> Bool {
        guard !isArithmetic else { return true }
        let blockCount = ((header.pixelWidth + 31) / 32) * ((header.pixelHeight + 31) / 32)
        return blockCount / 8 <= byteCount
    }

    /// Moves past the next marker and returns its second byte.
    private static func nextMarker(_ bytes: Span<UInt8>, _ offset: inout Int) -> Int? {
        while let byte = bytes.byte(at: offset) {
            offset += 1
            guard byte == 0xFF else { continue }
            while let code = bytes.byte(at: offset) {
                offset += 1
                if code == 0xFF { continue }
                if code == 0 { break }
                return code
            }
        }
        return nil
    }

    private static func segmentError(_ bytes: Span<UInt8>, _ offset: Int, _ marker: Int) -> ImagingError {
        bytes.count < offset + 2
            ? truncated("the JPEG is cut within a marker segment", bytes.count)
            : ImagingError(
                .malformed, "the JPEG's segment 0x\(String(marker, radix: 16)) is too short; replace the file",
                byteOffset: offset)
    }

    private static func truncated(_ text: String, _ offset: Int) -> ImagingError {
        ImagingError(.truncated, text + "; fetch the file again", byteOffset: offset)
    }
}
