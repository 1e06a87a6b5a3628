import FoundationEssentials

/// A small encoded picture to be put into a page, with what is needed to place a box on it.
public struct Thumbnail: Sendable {
    /// The encoded bytes: JPEG, PNG, WebP, HEIC or AVIF.
    public let bytes: [UInt8]
    /// Width of the picture it shows, in pixels of the oriented original; boxes are relative to it.
    public let pixelWidth: Int
    /// Height of the picture it shows, in pixels of the oriented original.
    public let pixelHeight: Int

    /// Makes a thumbnail.
    public init(bytes: [UInt8], pixelWidth: Int, pixelHeight: Int) {
        self.bytes = bytes
        self.pixelWidth = pixelWidth
        self.pixelHeight = pixelHeight
    }

    /// The picture as a `data:` address, or nil when the bytes are none of the three formats.
    var dataAddress: String? {
        let type: String
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
            type = "image/jpeg"
        } else if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
            type = "image/png"
        } else if bytes.starts(with: Array("RIFF".utf8)) && bytes.dropFirst(8).starts(with: Array("WEBP".utf8)) {
            type = "image/webp"
        } else {
            return nil
        }
        return "data:\(type);base64," + Data(bytes).base64EncodedString()
    }
}
