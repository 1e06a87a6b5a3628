import DemoScenes
import Foundation
import Reports
import SampleCatalog
import Samples

/// How well a model finds the drawn scenes, per language: over the combinations withheld from training, and over all.
public struct SceneBenchmark: Codable, Sendable {
    /// Figures over one set of queries. Shares, 0 to 1.
    public struct Figures: Codable, Sendable {
        /// Number of queries.
        public var queries = 0
        /// The first hit shows colour, thing and setting as asked.
        public var precisionAt1 = 0.0
        /// The first hit shows the colour, on any thing.
        public var color = 0.0
        /// The first hit shows the thing, in any colour.
        public var thing = 0.0
        /// The first hit has the setting.
        public var setting = 0.0

        private enum CodingKeys: String, CodingKey {
            case queries, color, thing, setting
            case precisionAt1 = "precision@1"
        }
    }

    /// Queries for combinations that never occur in training, by language.
    public var withheld: [String: Figures]
    /// Queries for all 480 combinations, by language.
    public var all: [String: Figures]
    /// Whether the first hit for "orange cat in the sun" is one.
    public var orangeCatInTheSun: Bool

    /// Asks every query of the truth file, among the image vectors of the split `test`.
    ///
    /// - Throws: `WorkflowError` when the test split is not embedded, or holds captions.
    public static func run(
        truthPath: String, model name: String?, dataset: String, in session: Session
    ) async throws -> SceneBenchmark {
        let truth = try JSONFile.read(SceneTruth.self, from: truthPath)
        let model = try ModelStore(workspace: session.workspace).model(named: name)
        let catalog = try session.readCatalog()
        let space = SpaceFolder(workspace: session.workspace, space: model.space)
        let filter = try catalog.samples(matching: "split = 'test'", ofDataset: dataset)
        guard filter.count == truth.scenes.count else {
            throw WorkflowError(
                .usage,
                "the split test of '\(dataset)' has \(filter.count) samples, the truth file \(truth.scenes.count)")
        }
        guard try catalog.samples(matching: "split = 'test' AND captions > 0", ofDataset: dataset).isEmpty else {
            throw WorkflowError(.usage, "the test split was ingested with captions; ingest it with --no-captions")
        }
        let encoder = try QueryEncoder(model: model)
        let ranking = ImageRanking(
            reader: try space.openIndex(model: model), catalog: catalog, session: session, filter: filter,
            mode: .automatic, duplicateSimilarity: nil)

        var withheld: [String: Figures] = [:]
        var all: [String: Figures] = [:]
        var hasOrangeCat = false
        for query in truth.queries {
            for (language, text) in [("english", query.english), ("chinese", query.chinese)] {
                let encoded = try encoder.encode(
                    QueryExpression(terms: [.init(weight: 1, content: .text(text))]))
                let found = try await ranking.samples(near: encoded.vector, count: 1, kinds: .images)
                guard let hit = found.matches.first, let scene = truth.scenes[hit.sample.key] else {
                    throw WorkflowError(
                        .usage, "no picture of the truth file is found for '\(text)'; run 'vlmpipe embed' first")
                }
                all[language, default: Figures()].count(scene, query.combination)
                if query.isWithheld { withheld[language, default: Figures()].count(scene, query.combination) }
                if text == "orange cat in the sun" { hasOrangeCat = scene.combinations.contains(query.combination) }
            }
        }
        return SceneBenchmark(
            withheld: withheld.mapValues(\.shares), all: all.mapValues(\.shares), orangeCatInTheSun: hasOrangeCat)
    }

    /// The figures for people, in percent.
    public var table: String {
        var table = TerminalTable(columns: [
            .init("queries"), .init("count", alignsRight: true), .init("precision@1", alignsRight: true),
            .init("colour", alignsRight: true), .init("thing", alignsRight: true), .init("setting", alignsRight: true),
        ])
        for (name, set) in [("withheld", withheld), ("all", all)] {
            for (language, figures) in set.sorted(by: { $0.key > $1.key }) {
                table.rows.append(
                    ["\(name), \(language)", "\(figures.queries)"]
                        + [figures.precisionAt1, figures.color, figures.thing, figures.setting].map {
                            String(format: "%.1f", $0 * 100)
                        })
            }
        }
        return table.text(width: nil, usesColor: false)
            + "first hit of \"orange cat in the sun\": \(orangeCatInTheSun ? "an orange cat in the sun" : "something else")\n"
    }
}

extension SceneBenchmark.Figures {
    fileprivate mutating func count(_ scene: Scene, _ asked: SceneCombination) {
        queries += 1
        precisionAt1 += scene.combinations.contains(asked) ? 1 : 0
        color += scene.subjects.contains { $0.color == asked.color } ? 1 : 0
        thing += scene.subjects.contains { $0.thing == asked.thing } ? 1 : 0
        setting += scene.setting == asked.setting ? 1 : 0
    }

    fileprivate var shares: SceneBenchmark.Figures {
        var shares = self
        let total = Double(max(1, queries))
        shares.precisionAt1 /= total
        shares.color /= total
        shares.thing /= total
        shares.setting /= total
        return shares
    }
}
