import Foundation

/// A declared sequence of stages, read from a YAML file (`Schemas/pipeline.schema.json`).
///
///     version: "0.1"
///     variables:
///       data: null          # no default: must be given
///     stages:
///       - ingest: {sources: "${data}/train", split: train}
///       - train: {recipe: recipes/flickr8k.yaml, model: flickr8k}
///       - embed: {model: flickr8k}
///       - eval: {model: flickr8k, split: dev}
///
/// Every stage is one that may be repeated: what is up to date is found so and costs next to nothing, so running the
/// file again after a stop or a change does only what is stale. `recipe` is relative to the file, all other paths to the
/// current folder.
public struct Pipeline: Sendable {
    /// One stage with its settings.
    public enum Stage: Sendable {
        /// `demo-data`.
        case demoData(DemoDataRequest)
        /// `ingest`.
        case ingest(IngestOptions)
        /// `train`.
        case train(TrainRequest)
        /// `embed`.
        case embed(EmbedRequest)
        /// `eval`.
        case evaluate(EvaluateRequest)
        /// `search`.
        case search(SearchRequest)
    }

    /// The file's path, for messages.
    public let path: String
    /// The stages in order.
    public let stages: [Stage]
    /// One line for each stage.
    public let outline: String

    /// Reads and checks the whole file.
    ///
    /// - Parameter assignments: `name=value` for the file's variables.
    /// - Throws: `WorkflowError` listing every problem.
    public init(path: String, assignments: [String] = []) throws {
        self.path = path
        var given: [String: String] = [:]
        for assignment in assignments {
            let parts = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw WorkflowError(.usage, "--set \(assignment): expected name=value")
            }
            given[String(parts[0])] = String(parts[1])
        }
        let document = try SettingsDocument(path: path)
        let root = document.root
        let version = root.text("version")
        if !version.isEmpty, version != Self.formatVersion {
            root.report("version", "is '\(version)'; this build reads \(Self.formatVersion)")
        }
        document.setVariables(Self.variables(root.section("variables"), given: given))
        let folder = (path as NSString).deletingLastPathComponent
        var stages: [Stage] = []
        var outline = ""
        for entry in root.sections("stages") {
            guard let stage = Self.stage(entry, folder: folder) else { continue }
            stages.append(stage)
            outline += "\(stages.count). \(stage.outline)\n"
        }
        if stages.isEmpty { root.report("stages", "holds no stage") }
        try document.finish()
        self.stages = stages
        self.outline = outline
    }

    /// Version of the file's form.
    public static let formatVersion = "0.1"

    private static func variables(_ section: SettingsSection, given: [String: String]) -> [String: String] {
        var values: [String: String] = [:]
        for key in section.keys {
            if let value = given[key] {
                values[key] = value
                section.markKnown(key)
            } else if let value = section.optionalText(key) {
                values[key] = value
            }
        }
        for key in given.keys.sorted() where !section.keys.contains(key) {
            section.report(key, "is set by --set, but the pipeline has no such variable")
        }
        return values
    }

    private static func stage(_ entry: SettingsSection, folder: String) -> Stage? {
        guard entry.keys.count == 1, let kind = entry.keys.first else {
            entry.report("", "a stage must have exactly one key, its kind")
            return nil
        }
        let settings = entry.section(kind)
        switch kind {
        case "demo-data":
            return .demoData(
                DemoDataRequest(
                    directory: settings.text("directory"),
                    count: settings.integer("count", default: 16_000, in: 1...10_000_000),
                    seed: UInt64(settings.integer("seed", default: 1, in: 0...Int.max)), threads: nil, isQuiet: false))
        case "ingest":
            var options = IngestOptions(sources: settings.texts("sources"))
            options.dataset = settings.text("dataset", default: IngestOptions.defaultDataset)
            options.split = settings.optionalText("split")
            options.readsCaptions = settings.flag("captions", default: true)
            options.check = settings.choice("check", default: options.check)
            options.orientation = settings.choice("orient", default: options.orientation)
            options.maximumBadShare = settings.number("maxBad", default: 50, in: 0...100) / 100
            options.stallSeconds = settings.integer("stallLimit", default: options.stallSeconds, in: 1...86_400)
            func texts(_ key: String) -> [String] { settings.has(key) ? settings.texts(key) : [] }
            do {
                try options.read(
                    exclude: texts("exclude"), imageColumns: texts("imageColumns"),
                    captionColumns: texts("captionColumns"),
                    captionTemplate: settings.optionalText("captionTemplate"),
                    keyColumn: settings.optionalText("keyColumn"), base: settings.optionalText("base"),
                    delimiter: settings.optionalText("delimiter"))
            } catch {
                settings.report("", error.message)
            }
            return .ingest(options)
        case "train":
            let recipe = settings.optionalText("recipe").map {
                $0.hasPrefix("/") || folder.isEmpty ? $0 : folder + "/" + $0
            }
            return .train(
                TrainRequest(
                    recipePath: recipe, model: settings.text("model", default: "inhouse"),
                    datasets: settings.has("datasets") ? settings.texts("datasets") : [],
                    seed: settings.optionalText("seed").flatMap { text in
                        if UInt64(text) == nil { settings.report("seed", "must be a whole number") }
                        return UInt64(text)
                    }))
        case "embed":
            return .embed(
                EmbedRequest(
                    model: settings.optionalText("model"),
                    datasets: settings.has("datasets") ? settings.texts("datasets") : [],
                    embedsCaptions: settings.flag("captions", default: true), mayTrain: false))
        case "eval":
            return .evaluate(
                EvaluateRequest(
                    split: settings.text("split", default: "heldout"), model: settings.optionalText("model"),
                    datasets: settings.has("datasets") ? settings.texts("datasets") : []))
        case "search":
            return .search(
                SearchRequest(
                    query: settings.text("query"), count: settings.integer("k", default: 10, in: 1...100_000),
                    target: settings.choice("in", default: SearchTarget.images), model: settings.optionalText("model"),
                    datasets: settings.has("datasets") ? settings.texts("datasets") : [],
                    split: settings.optionalText("split"), condition: settings.optionalText("where"),
                    minimumScore: nil, htmlPath: settings.optionalText("html"), extractDirectory: nil))
        default:
            entry.report(kind, "is no stage; there are demo-data, ingest, train, embed, eval, search")
            return nil
        }
    }

    /// Runs all stages in order and gives each one's result text to `show`.
    ///
    /// - Throws: the first stage's error, which ends the run; what was done stays and the next run goes on from there.
    public func run(in session: Session, show: (String) -> Void) async throws {
        for (index, stage) in stages.enumerated() {
            session.note("[\(index + 1)/\(stages.count)] \(stage.outline)")
            switch stage {
            case .demoData(let request): show(try await DemoDataWorkflow.run(request).summary + "\n")
            case .ingest(let request): show(try await IngestWorkflow.run(request, in: session).summary + "\n")
            case .train(let request): show(try await TrainWorkflow.run(request, in: session).summary + "\n")
            case .embed(let request): show(try await EmbedWorkflow.run(request, in: session).summary + "\n")
            case .evaluate(let request): show(try await EvaluateWorkflow.run(request, in: session).table)
            case .search(let request):
                show(try await SearchWorkflow.run(request, in: session).table(style: .standardOutput))
            }
        }
    }
}

extension Pipeline.Stage {
    /// The stage in a few words.
    public var outline: String {
        switch self {
        case .demoData(let request): "demo-data \(request.directory), \(request.count) samples"
        case .ingest(let request): "ingest \(request.sources.joined(separator: " ")) into \(request.dataset)"
        case .train(let request): "train \(request.model) by \(request.recipePath ?? "the default recipe")"
        case .embed(let request): "embed with \(request.model ?? "the model in use")"
        case .evaluate(let request): "eval on \(request.split)"
        case .search(let request): "search \(request.query)"
        }
    }
}
