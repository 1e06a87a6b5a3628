import Samples

extension ImageOrientation {
    /// Reads tag 274 from the first directory of an EXIF block, which is a TIFF file of either byte order.
    ///
    /// `nil` if the block is damaged, has no such tag, or states a value other than 1 to 8. Every offset and count in it
    /// is untrusted: at most 65,535 entries of one directory are looked at, and none is followed further.
    init?(exif tiff: Span<UInt8>) {
        let littleEndian: Bool
        if tiff.matches("II*\0", at: 0) {
            littleEndian = true
        } else if tiff.matches("MM\0*", at: 0) {
            littleEndian = false
        } else {
            return nil
        }
        guard let directory = tiff.number(at: 4, byteCount: 4, littleEndian: littleEndian),
            let entryCount = tiff.number(at: directory, byteCount: 2, littleEndian: littleEndian)
        else { return nil }
        for entry in 0..<entryCount {
            let offset = directory + 2 + 12 * entry
            guard let tag = tiff.number(at: offset, byteCount: 2, littleEndian: littleEndian),
                let type = tiff.number(at: offset + 2, byteCount: 2, littleEndian: littleEndian),
                let count = tiff.number(at: offset + 4, byteCount: 4, littleEndian: littleEndian)
            else { return nil }
            guard tag == 274 else { continue }
            // BYTE, SHORT and LONG hold a single value in the entry itself, at its low address.
            guard count == 1, let byteCount = [1: 1, 3: 2, 4: 4][type],
                let value = tiff.number(at: offset + 8, byteCount: byteCount, littleEndian: littleEndian)
            else { return nil }
            guard let byte = UInt8(exactly: value) else { return nil }
            self.init(rawValue: byte)
            return
        }
        return nil
    }
}
