/** The German texts of the catalogue's codes. */

import type { FaultTexts } from "./fault-text.js";

export const de: FaultTexts = {
  "pilot-shorted": [
    "Fahrzeug oder Kabel haben einen Fehler in der Signalleitung.",
    "Fahrzeug abstecken und ein anderes Kabel oder Fahrzeug versuchen. Tritt es wieder auf, eine Elektrofachkraft rufen.",
  ],
  "pilot-negative": [
    "Die Signalleitung der Steckdose ist defekt.",
    "Fahrzeug abstecken. Tritt es wieder auf, eine Elektrofachkraft rufen.",
  ],
  "contactor-welded": [
    "Das Schütz öffnet nicht. Die Steckdose kann unter Spannung stehen.",
    "Den Stecker nicht ziehen. Die Station am Leitungsschutzschalter abschalten und eine Elektrofachkraft rufen.",
  ],
  "contactor-stuck-open": [
    "Das Schütz schließt nicht.",
    "Fahrzeug abstecken und noch einmal versuchen. Tritt es wieder auf, eine Elektrofachkraft rufen.",
  ],
  "residual-current": [
    "Strom fließt zur Erde ab. Das Laden wurde sofort beendet.",
    "Fahrzeug abstecken. Den Fehlerstromschutzschalter einschalten und ein anderes Kabel oder Fahrzeug versuchen. Tritt es wieder auf, eine Elektrofachkraft rufen.",
  ],
  "temperature-cut-off": [
    "Der Temperaturwächter hat das Laden beendet.",
    "Fahrzeug abstecken und die Station abkühlen lassen. Eine Elektrofachkraft die Ursache suchen lassen.",
  ],
  "residual-current-test-failed": [
    "Der Fehlerstromschutz hat seinen Selbsttest nicht bestanden.",
    "Die Station nicht benutzen. Eine Elektrofachkraft rufen.",
  ],
  "earth-missing": [
    "Der Schutzleiter fehlt.",
    "Station und Ladekabel nicht berühren. Eine Elektrofachkraft rufen.",
  ],
  "phase-missing": [
    "Ein Außenleiter hat keine Spannung. Die Station lädt nicht.",
    "Den Leitungsschutzschalter prüfen. Ist er eingeschaltet, eine Elektrofachkraft rufen.",
  ],
  "proximity-failed": [
    "Die Station erkennt das Kabel nicht.",
    "Das Kabel abziehen und wieder einstecken oder ein anderes versuchen. Tritt es wieder auf, eine Elektrofachkraft rufen.",
  ],
  "lock-failed": [
    "Der Stecker ließ sich nicht verriegeln.",
    "Das Kabel abziehen und ganz einstecken. Tritt es wieder auf, eine Elektrofachkraft rufen.",
  ],
  "unlock-failed": [
    "Der Stecker ließ sich nicht entriegeln.",
    "Den Stecker etwas hineindrücken und eine halbe Minute warten. Bleibt er verriegelt, eine Elektrofachkraft rufen.",
  ],
  "ventilation-required": [
    "Das Fahrzeug verlangt Belüftung. Es wird hier nicht geladen.",
    "Dieses Fahrzeug an einer Station an einem belüfteten Ort laden.",
  ],
  "firmware-stalled": [
    "Die Station war länger als 3 Sekunden beschäftigt. Das Laden wurde unterbrochen.",
    "Das Laden geht von selbst weiter. Geschieht es oft, den Hersteller benachrichtigen.",
  ],
  "contactor-wear": [
    "Das Laden beginnt und endet zu oft. Die Pausen werden länger.",
    "Fahrzeug, Stecker und eine Steuerung prüfen, die die Station pausiert. Einige Minuten danach ist das Laden wieder normal.",
  ],
  overheated: [
    "In der Station ist es zu heiß. Das Laden ist unterbrochen.",
    "Nach dem Abkühlen geht es weiter. Geschieht es oft, die Station beschatten oder den Strom begrenzen.",
  ],
  "thermometer-broken": [
    "Das Thermometer in der Station ist defekt. Die Station lädt langsam.",
    "Von einer Elektrofachkraft ersetzen lassen.",
  ],
  overcurrent: [
    "Das Fahrzeug hat mehr Strom bezogen als erlaubt. Das Laden wurde beendet.",
    "Das Fahrzeug abstecken und ein anderes versuchen. Geschieht es wieder, eine Elektrofachkraft rufen.",
  ],
  "meter-silent": [
    "Der Stromzähler antwortet nicht. Das Laden geht weiter, aber die Energie kann falsch sein.",
    "Zähler und Kabel von einer Elektrofachkraft prüfen lassen.",
  ],
  "meter-backwards": [
    "Der Stand des Stromzählers ist gesprungen oder gesunken. Das Laden geht weiter.",
    "Nach einem Tausch des Zählers ist nichts zu tun. Sonst von einer Elektrofachkraft prüfen lassen.",
  ],
  "blocked-tag": [
    "Eine gesperrte Karte wurde dreimal vorgehalten.",
    "Ist es Ihre Karte, auf der Plattform entsperren. Sonst ist nichts zu tun.",
  ],
  "cards-guessed": [
    "Viele unbekannte Karten wurden vorgehalten.",
    "Vielleicht errät jemand Kartennummern. Gültige Karten funktionieren weiter. Karten mit nicht erratbaren Nummern verwenden.",
  ],
  "card-not-learned": [
    "Eine Karte wurde nicht gelernt.",
    "Prüfen, ob die Station online ist und die Karte noch nicht eingetragen ist. Dann erneut vorhalten.",
  ],
  "card-reader-silent": [
    "Der Kartenleser antwortet nicht. Karten werden nicht gelesen; Telefone funktionieren weiter.",
    "Station aus- und einschalten. Bei Wiederholung Leser und Leitungen prüfen lassen.",
  ],
  "session-not-stored": [
    "Der Speicher der Station ist nicht beschreibbar. Bei Stromausfall ginge der Ladevorgang verloren.",
    "Strom und Netz anlassen, bis die Ladevorgänge gemeldet sind. Dann die Platine tauschen lassen.",
  ],
  "session-log-full": [
    "Zu viele Ladevorgänge warten auf die Plattform. Der älteste wurde verworfen.",
    "Die Station mit der Plattform verbinden.",
  ],
  "sessions-of-previous-owner": [
    "Ladevorgänge des vorigen Betreibers wurden verworfen.",
    "Es ist nichts zu tun. Der vorige Betreiber kann die Plattform fragen.",
  ],
  "transfer-refused": [
    "Der neue Betreiber hat die Übergabe nicht angenommen.",
    "Den neuen Betreiber bitten, sie auf der Plattform anzunehmen, und noch einmal versuchen.",
  ],
  "transfer-failed": [
    "Der Betreiber hat nicht gewechselt.",
    "Noch einmal versuchen, wenn kein Fahrzeug lädt und die Station online ist.",
  ],
  "update-rolled-back": [
    "Die neue Firmware hat nicht funktioniert. Die vorige läuft wieder.",
    "Das Netz prüfen und erneut aktualisieren. Scheitert es wieder, den Hersteller um eine neuere Version bitten.",
  ],
  "wifi-not-found": [
    "Das WLAN ist nicht in Reichweite (nur 2,4 GHz).",
    "Den Namen prüfen oder den Router näher stellen.",
  ],
  "wifi-wrong-password": ["Das WLAN hat das Passwort abgelehnt.", "Das Passwort prüfen."],
  "wifi-no-address": ["Das WLAN vergibt keine Adresse.", "DHCP im Router prüfen."],
  "host-not-found": ["Der Server wurde nicht gefunden.", "Den Namen prüfen."],
  "broker-unreachable": ["Der Server ist nicht erreichbar.", "Namen und Port prüfen."],
  "broker-no-answer": ["Der Server antwortet nicht auf MQTT.", "Den Port prüfen."],
  "broker-refused": ["Der Server lehnt die Anmeldung ab.", "E-Mail und Token prüfen."],
  "tls-failed": ["Die Verschlüsselung ist gescheitert.", "Namen und Zertifikat des Servers prüfen."],
  "clock-unknown": ["Die Uhrzeit ist unbekannt.", "Einen Zeitserver (UDP-Port 123) erlauben."],
  "connection-lost": [
    "Die Verbindung zum Server ist abgebrochen.",
    "Die Station verbindet sich wieder. Geschieht es oft, das Netz prüfen.",
  ],
  "keep-alive-missed": [
    "Der Server antwortet nicht mehr.",
    "Die Station verbindet sich wieder. Geschieht es oft, das Netz prüfen.",
  ],
  "protocol-error": [
    "Der Server hat eine ungültige Antwort gesendet.",
    "Prüfen, ob Name und Port zu einem MQTT-Server gehören.",
  ],
  "no-socket": [
    "Die Station hat keine freie Verbindung.",
    "Andere Seiten des Panels schließen. Die Station versucht es erneut.",
  ],
  "storage-failed": [
    "Die Einstellungen gelten, ließen sich aber nicht speichern.",
    "Die Station zurücksetzen und noch einmal versuchen. Scheitert es wieder, die Platine tauschen lassen.",
  ],
  interrupted: ["Beim Versuch der Einstellungen fiel der Strom aus.", "Noch einmal versuchen."],
  "given-up": [
    "Der Kopplungsmodus endete beim Versuch der Einstellungen.",
    "Die Taste 5 s halten und noch einmal versuchen.",
  ],
  crashes: [
    "Die Station ist dreimal abgestürzt. Sie ist im Notbetrieb und lädt nicht.",
    "Den Strom aus- und einschalten. Tritt es wieder auf, eine andere Firmware hochladen.",
  ],
  "wiring-invalid": [
    "Die Station kennt ihre Verdrahtung nicht.",
    "Die Platine über das Kabel neu einrichten lassen.",
  ],
};
