/// What went wrong in reading, writing or addressing a shard: a code to switch on, what to do next, the place, the cause.
public struct ShardError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of failure. More may be added; switch with a default.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The stable word stored in the catalog and shown in summaries.
        public let rawValue: String

        /// A code by its stable word.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        // Sources
        /// A source named by the user does not exist.
        public static let sourceMissing = Code(rawValue: "source-missing")
        /// A file is none of the kinds that hold samples.
        public static let sourceUnrecognized = Code(rawValue: "source-unrecognized")
        /// A tar is compressed in a way that is not read.
        public static let sourceCompressed = Code(rawValue: "source-compressed")
        /// A brace pattern cannot be expanded.
        public static let patternInvalid = Code(rawValue: "pattern-invalid")
        /// Compressed data are damaged or end early.
        public static let compressionDamaged = Code(rawValue: "compression-damaged")
        /// A program whose output is read failed, or could not be started.
        public static let streamFailed = Code(rawValue: "stream-failed")
        /// Nothing came from a stream for too long.
        public static let streamStalled = Code(rawValue: "stream-stalled")
        /// A command from a catalog may not be run.
        public static let commandRefused = Code(rawValue: "command-refused")
        /// A manifest's settings do not fit it, or it cannot be read as one.
        public static let manifestInvalid = Code(rawValue: "manifest-invalid")
        /// One row of a manifest is malformed.
        public static let rowInvalid = Code(rawValue: "row-invalid")
        /// A manifest names an image by a web address.
        public static let imageIsAddress = Code(rawValue: "image-is-url")
        /// A file that was ingested is left out by a pattern.
        public static let sourceExcluded = Code(rawValue: "source-excluded")
        /// A folder is nested too deep.
        public static let folderTooDeep = Code(rawValue: "folder-too-deep")

        // Structure of a tar
        /// A header's checksum is wrong, so nothing after it can be located.
        public static let tarChecksum = Code(rawValue: "tar-checksum")
        /// The file ends inside a header or a member.
        public static let tarTruncated = Code(rawValue: "tar-truncated")
        /// The file ends without the block of zeros that ends a tar.
        public static let tarEndMissing = Code(rawValue: "tar-end-missing")
        /// A number in a header is malformed, negative or too large.
        public static let tarNumber = Code(rawValue: "tar-number")
        /// An extended header is malformed, too large, or one of too many in a row.
        public static let tarExtendedHeader = Code(rawValue: "tar-extended-header")

        // Members and samples
        /// A member is stored as a sparse file, which has no contiguous bytes.
        public static let memberSparse = Code(rawValue: "member-sparse")
        /// A member is continued from another volume.
        public static let memberMultiVolume = Code(rawValue: "member-multi-volume")
        /// A member is larger than the limit.
        public static let memberTooLarge = Code(rawValue: "member-too-large")
        /// A member's path is longer than the limit.
        public static let pathTooLong = Code(rawValue: "path-too-long")
        /// A sample has no member that is an image by content.
        public static let imageMissing = Code(rawValue: "image-missing")
        /// A JSON member cannot be read.
        public static let jsonInvalid = Code(rawValue: "json-invalid")

        // Reading back and writing
        /// The file that held a sample is no longer there.
        public static let fileMissing = Code(rawValue: "file-missing")
        /// The file that held a sample is no longer the one that was ingested.
        public static let fileChanged = Code(rawValue: "file-changed")
        /// The operating system refused a read or a write.
        public static let inputOutput = Code(rawValue: "input-output")
        /// A sample handed to the writer cannot be written as asked.
        public static let sampleUnwritable = Code(rawValue: "sample-unwritable")
        /// A destination exists already.
        public static let destinationExists = Code(rawValue: "destination-exists")
    }

    /// What kind of failure it is.
    public let code: Code
    /// What happened and what to do next, in one or two sentences.
    public let message: String
    /// The file, if one is concerned.
    public let path: String?
    /// The key of the sample, if one is concerned.
    public let key: String?
    /// Byte offset in the file, if one is known.
    public let byteOffset: Int64?
    /// What the operating system or another library said.
    public let cause: String?

    /// A failure with its place and cause.
    public init(
        _ code: Code, _ message: String, path: String? = nil, key: String? = nil, byteOffset: Int64? = nil,
        cause: String? = nil
    ) {
        self.code = code
        self.message = message
        self.path = path
        self.key = key
        self.byteOffset = byteOffset
        self.cause = cause
    }

    /// The message, preceded by the place and followed by the cause.
    public var description: String {
        var place = path ?? ""
        if let key { place += place.isEmpty ? "sample '\(key)'" : ", sample '\(key)'" }
        if let byteOffset { place += place.isEmpty ? "byte \(byteOffset)" : ", byte \(byteOffset)" }
        return (place.isEmpty ? "" : place + ": ") + message + (cause.map { " (\($0))" } ?? "")
    }
}
