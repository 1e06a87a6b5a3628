import ByteFormats
import Foundation
import Reports
import Training

/// Draws `metrics.svg` from a run's `metrics.jsonl`: loss, logit scale, learning rate and hold-out recall by step.
enum TrainingPlot {
    static let fileName = "metrics.svg"

    static func write(runDirectory: String, title: String) throws {
        let records = try MetricsLog.records(path: "\(runDirectory)/\(MetricsLog.fileName)")
        let steps = records.filter { $0.kind == .step }
        func series(_ name: String, _ value: (MetricsRecord) -> Double?) -> LineSeries {
            LineSeries(
                name: name,
                points: steps.compactMap { record in
                    value(record).map { LineSeries.Point(x: Double(record.step), y: $0) }
                })
        }
        var raw = series("loss of a batch", \.loss)
        raw.emphasis = .background
        var panels = [
            PlotPanel(
                title: "loss", horizontalName: "step", series: [raw, raw.smoothed(name: "loss", halfLife: 4)]),
            PlotPanel(
                title: "logit scale", horizontalName: "step",
                series: [series("exp(logit scale)") { $0.logitScale.map { exp($0) } }]),
            PlotPanel(title: "learning rate", horizontalName: "step", series: [series("rate", \.learningRate)]),
        ]
        let evaluations = records.filter { $0.kind == .evaluation }
        if !evaluations.isEmpty {
            let names = Set(evaluations.flatMap { ($0.metrics ?? [:]).keys }).filter { $0.contains("recall") }.sorted()
            let recalls = names.map { name in
                LineSeries(
                    name: name.replacingOccurrences(of: ".", with: " "),
                    points: evaluations.compactMap { record in
                        record.metrics?[name].map { LineSeries.Point(x: Double(record.step), y: $0 * 100) }
                    })
            }
            panels.append(PlotPanel(title: "hold-out recall (%)", horizontalName: "step", series: recalls))
        }
        let figure = PlotFigure(title: title, panels: panels)
        try AtomicFile.write(path: "\(runDirectory)/\(fileName)", bytes: Array(figure.svg().utf8))
    }
}
