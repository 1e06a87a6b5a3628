import ArgumentParser
import Foundation
import Workflows

/// `vlmpipe ingest`.
struct IngestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest",
        abstract:
            "Finds samples in tars, folders and manifests, checks and hashes them, and records them in the catalog.",
        discussion: """
            Nothing is copied: the catalog keeps where each image's bytes are. Safe to stop and to run again; a changed \
            or vanished shard is noticed. Bad samples are set aside with their reason and never stop a run.

              vlmpipe ingest shards/                     every tar below a folder
              vlmpipe ingest 'x/{00000..00031}.tar'      expanded by vlmpipe
              vlmpipe ingest a.tar b.tar.zst --split dev --check decode
              vlmpipe ingest ~/Pictures --dataset photos --exclude thumbs
              vlmpipe ingest ~/Pictures --watch          takes up every change
              vlmpipe ingest 'https://host/{000..099}.tar'
              vlmpipe ingest 'pipe:ssh host cat x.tar'   or - for stdin
              vlmpipe ingest list.csv --image-column front --image-column back \\
                  --caption-template '{brand} {title}' --preview 5

            A folder's images may have a.txt or a.json beside a.jpg. See Schemas/manifest.md for tables.
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(
        help: ArgumentHelp(
            "Tars, folders, manifests (CSV, TSV, JSON lines, COCO captions), addresses, or brace patterns of them.",
            valueName: "source"))
    var sources: [String]

    @Option(
        help: ArgumentHelp(
            "Leave out files and folders that match, such as '*.png' or 'thumbs' or 'a/**/old'. May be repeated.",
            valueName: "glob"))
    var exclude: [String] = []

    @Option(
        help: ArgumentHelp(
            "Column of a manifest that names images. May be repeated: several images of one item.", valueName: "name"))
    var imageColumn: [String] = []

    @Option(help: ArgumentHelp("Column of a manifest that holds captions. May be repeated.", valueName: "name"))
    var captionColumn: [String] = []

    @Option(
        help: ArgumentHelp("A caption made of columns, such as '{brand} {title}, {colour}'.", valueName: "template"))
    var captionTemplate: String?

    @Option(help: ArgumentHelp("Column of a manifest that holds keys.", valueName: "name"))
    var keyColumn: String?

    @Option(
        help: ArgumentHelp("Folder that a manifest's image paths start from. Default: its own.", valueName: "dir"))
    var base: String?

    @Option(help: ArgumentHelp("What divides a manifest's cells. Default: found out.", valueName: "character"))
    var delimiter: String?

    @Flag(help: "Go on watching the folders and take up every change, until Ctrl-C.") var watch = false

    @Option(help: ArgumentHelp("Show what the first samples would look like, and write nothing.", valueName: "count"))
    var preview: Int?

    @Option(help: ArgumentHelp("Give a stream up when nothing comes for so long.", valueName: "seconds"))
    var stallLimit = 60

    @Option(help: ArgumentHelp("Data set the samples belong to.", valueName: "name"))
    var dataset = IngestOptions.defaultDataset

    @Option(
        help: ArgumentHelp(
            "Split of all samples. Default: the 'split' field of a sample's JSON, else 5 % by key hash are held out.",
            valueName: "name"))
    var split: String?

    @Flag(help: "Leave captions out, so that they can neither train nor be searched.")
    var noCaptions = false

    @Option(
        help: """
            What is checked: 'headers' parses and hashes, 'decode' decodes every image as well, 'none' looks at the first \
            bytes only, so that sizes and digests are missing.
            """)
    var check: IngestOptions.Check = .headers

    @Option(help: "'exif' turns images upright as their EXIF orientation says, 'none' leaves them as stored.")
    var orient: IngestOptions.Orientation = .exif

    @Option(
        help: ArgumentHelp("Share of bad samples past which the command fails, in percent.", valueName: "percent"))
    var maxBad = 50.0

    func run() async throws {
        var options = IngestOptions(sources: sources)
        options.dataset = dataset
        options.split = split
        options.readsCaptions = !noCaptions
        options.check = check
        options.orientation = orient
        options.maximumBadShare = maxBad / 100
        options.stallSeconds = stallLimit
        try options.read(
            exclude: exclude, imageColumns: imageColumn, captionColumns: captionColumn,
            captionTemplate: captionTemplate,
            keyColumn: keyColumn, base: base, delimiter: delimiter)
        if let preview {
            print(try IngestPreview.text(of: options, count: preview), terminator: "")
            return
        }
        if watch {
            let session = try Session.open(
                workspace: global.workspace, threads: global.threads, isQuiet: global.quiet, mode: .writingAtTimes)
            try await IngestWatch.run(options, in: session) { report in
                // Not held back when stdout is a pipe.
                FileHandle.standardOutput.write(Data((report.summary + "\n").utf8))
            }
            return
        }
        let report = try await IngestWorkflow.run(options, in: try global.writingSession())
        print(report.summary)
    }
}

extension IngestOptions.Check: ExpressibleByArgument {}
extension IngestOptions.Orientation: ExpressibleByArgument {}
