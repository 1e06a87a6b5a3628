import Imaging
import Samples
import Shards

/// What `ingest` is asked to do.
public struct IngestOptions: Sendable {
    /// How closely images are looked at.
    public enum Check: String, Sendable, CaseIterable, Comparable {
        /// The first bytes say it is an image; no more is read of it. It has neither size nor digest.
        case none
        /// The header must be readable and within the limits.
        case headers
        /// The image must decode.
        case decode

        /// A stricter check is greater.
        public static func < (left: Check, right: Check) -> Bool { left.rank < right.rank }

        private var rank: Int {
            switch self {
            case .none: 0
            case .headers: 1
            case .decode: 2
            }
        }
    }

    /// Whether EXIF orientation counts.
    public enum Orientation: String, Sendable, CaseIterable {
        /// Images are turned as their EXIF data says.
        case exif
        /// Images are taken as stored.
        case none
    }

    /// Tars, folders, manifests, `https://` and `pipe:` addresses, and patterns such as `{00000..00031}.tar`.
    public var sources: [String]
    /// The data set they belong to.
    public var dataset = IngestOptions.defaultDataset
    /// The split of all samples; `nil` to take it from their JSON or, where that states none, by key hash.
    public var split: String?
    /// Whether captions are recorded.
    public var readsCaptions = true
    /// How closely images are looked at.
    public var check = Check.headers
    /// Whether EXIF orientation counts.
    public var orientation = Orientation.exif
    /// The share of quarantined samples past which the data count as bad.
    public var maximumBadShare = 0.5
    /// Files and folders that are left out of folders.
    public var excludes: [GlobPattern] = []
    /// How manifests are read.
    public var manifest = ManifestOptions()
    /// How long nothing may come from a stream, in seconds.
    public var stallSeconds = ShardBytes.defaultStallSeconds
    /// Caps on members and paths.
    public var shardLimits = ShardLimits()
    /// Caps on pixels.
    public var imageLimits = ImageLimits.standard

    /// Name of the data set if none is given.
    public static let defaultDataset = "default"
    /// Longest name of a data set or split in bytes.
    static let maximumNameByteCount = 128

    /// Options for some sources, the rest by default.
    public init(sources: [String]) {
        self.sources = sources
    }

    /// Whether a text may name a data set or split: not empty, at most 128 bytes, without control characters.
    static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= maximumNameByteCount
            && text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    }

    /// Takes options as users write them: patterns to exclude, and how manifests are read. Throws `WorkflowError` (usage)
    /// with all problems at once.
    public mutating func read(
        exclude: [String], imageColumns: [String] = [], captionColumns: [String] = [], captionTemplate: String? = nil,
        keyColumn: String? = nil, base: String? = nil, delimiter: String? = nil
    ) throws(WorkflowError) {
        var problems: [String] = []
        func attempt<Value>(_ body: () throws(ShardError) -> Value) -> Value? {
            do throws(ShardError) { return try body() } catch {
                problems.append(error.message)
                return nil
            }
        }
        excludes = exclude.compactMap { pattern in attempt { () throws(ShardError) in try GlobPattern(pattern) } }
        manifest.imageColumns = imageColumns
        manifest.captionColumns = captionColumns
        if let captionTemplate {
            manifest.captionTemplate = attempt { () throws(ShardError) in try CaptionTemplate(captionTemplate) }
        }
        manifest.keyColumn = keyColumn
        if let base { manifest.base = attempt { () throws(ShardError) in try SourcePath.absolute(base) } }
        if let delimiter {
            manifest.delimiter = attempt { () throws(ShardError) in try ManifestOptions.delimiter(delimiter) }
        }
        guard problems.isEmpty else { throw WorkflowError(.usage, problems.joined(separator: "; ")) }
    }

    /// All problems at once.
    func validate() throws(WorkflowError) {
        var problems: [String] = []
        if sources.isEmpty { problems.append("name at least one source: a tar, a folder, a manifest or a pattern") }
        let rule = "is not empty, has at most \(IngestOptions.maximumNameByteCount) bytes and no control characters"
        if !IngestOptions.isName(dataset) { problems.append("the name of a data set \(rule)") }
        if let split, !IngestOptions.isName(split) { problems.append("the name of a split \(rule)") }
        if !(0...1).contains(maximumBadShare) { problems.append("the share of bad samples is from 0 to 1") }
        if !(1...86_400).contains(stallSeconds) { problems.append("the stall limit is from 1 to 86400 seconds") }
        guard problems.isEmpty else { throw WorkflowError(.usage, problems.joined(separator: "; ")) }
    }

    /// The settings that shape the rows of a shard, as stored with it.
    var settings: IngestSettings {
        IngestSettings(split: split, readsCaptions: readsCaptions, check: check, orientation: orientation)
    }
}

/// The settings that shaped the rows of a shard, in the one-line form in which the catalog keeps them.
struct IngestSettings: Equatable {
    var split: String?
    var readsCaptions: Bool
    var check: IngestOptions.Check
    var orientation: IngestOptions.Orientation

    init(
        split: String?, readsCaptions: Bool, check: IngestOptions.Check, orientation: IngestOptions.Orientation
    ) {
        self.split = split
        self.readsCaptions = readsCaptions
        self.check = check
        self.orientation = orientation
    }

    /// The stored form. The split stands last, so it may hold any text.
    var text: String {
        "check=\(check.rawValue) captions=\(readsCaptions ? "yes" : "no") orient=\(orientation.rawValue)"
            + (split.map { " split=" + $0 } ?? "")
    }

    /// Whether rows made with the `stored` settings are as good as rows made with these: a stricter check is.
    func areMet(by stored: String) -> Bool {
        IngestOptions.Check.allCases.contains { check in
            guard check >= self.check else { return false }
            var same = self
            same.check = check
            return same.text == stored
        }
    }
}
